// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EscrowFixture} from "../support/EscrowFixture.sol";
import {ShiftingToken} from "../support/ShiftingToken.sol";
import {vm} from "../support/Vm.sol";

/// @notice An escrow over a token that can turn hostile, with one escrow ready for each call that
/// moves money, and what each call must move.
abstract contract HostileFixture is EscrowFixture {
    /// @param pulls by allowance or authorization; the rest is what the call pays, and to whom.
    /// @param signed the token answers nothing to this call, so it cannot answer false.
    struct MoneyCall {
        string name;
        address who;
        bytes call;
        uint256 pulls;
        uint256 toPayout;
        uint256 toRefund;
        uint256 toOther;
        bool signed;
    }

    uint256 internal constant CALLS = 11;
    uint256 internal constant SURPLUS = 7;
    address internal constant OTHER = address(0x0702);
    uint40 internal constant LATER = END + 30 days;

    ShiftingToken internal coin;

    function setUp() public virtual override {
        vm.warp(START);
        coin = new ShiftingToken();
        coin.mint(funder, FUNDS);
        escrow = deploy(IERC20(address(coin)));
        fill();
    }

    /// @dev 1, 2 disputed; 3, 4 due; 5 an expired lock; 6 custody still running; 7 a lock still
    /// running; 8, 9 are bystanders, one disputed and one due.
    function fill() internal {
        for (uint256 i = 1; i <= 9; ++i) {
            Terms memory t = custody(bytes32(i));
            t.amount = uint88(1000 * i);
            t.lock = i == 5 || i == 7;
            if (i == 6 || i == 7) t.custodyEnd = LATER;
            create(t);
        }
        vm.startPrank(RELAYER);
        escrow.dispute(bytes32(uint256(1)), Party.Buyer, REASON);
        escrow.dispute(bytes32(uint256(2)), Party.Seller, REASON);
        escrow.dispute(bytes32(uint256(8)), Party.Buyer, REASON);
        vm.stopPrank();
        coin.mint(address(escrow), SURPLUS);
        vm.warp(END);
    }

    function moneyCalls() internal view returns (MoneyCall[CALLS] memory list) {
        Terms[] memory two = new Terms[](2);
        (two[0], two[1]) = (fresh(101), fresh(102));
        list[0] = pull("create", abi.encodeCall(escrow.create, fresh(100)), 5000, false);
        list[1] = pull("createMany", abi.encodeCall(escrow.createMany, two), 10_000, false);
        list[2] = pull(
            "createWithAuthorization",
            abi.encodeCall(escrow.createWithAuthorization, (fresh(103), END + 1, "")),
            5000,
            true
        );
        list[3] = pay("release", RELAYER, abi.encodeCall(escrow.release, id(3)), 3000, 0);
        list[4] = pay("release a lock", RELAYER, abi.encodeCall(escrow.release, id(7)), 7000, 0);
        list[5] = pay(
            "releaseMany",
            RELAYER,
            abi.encodeCall(escrow.releaseMany, ids(id(3), id(4), id(8))),
            7000,
            0
        );
        list[6] =
            pay("refundExpired", RELAYER, abi.encodeCall(escrow.refundExpired, id(5)), 0, 5000);
        list[7] = pay("releaseEarly", ARBITER, abi.encodeCall(escrow.releaseEarly, id(6)), 6000, 0);
        list[8] = pay(
            "resolveRevert", ARBITER, abi.encodeCall(escrow.resolveRevert, (id(1), NOTE)), 0, 1000
        );
        list[9] = pay(
            "resolveSplit",
            ARBITER,
            abi.encodeCall(escrow.resolveSplit, (id(2), 500, NOTE)),
            1500,
            500
        );
        bytes memory rescue = abi.encodeCall(escrow.rescue, (IERC20(address(coin)), OTHER, SURPLUS));
        list[10] = MoneyCall("rescue", admin(), rescue, 0, 0, 0, SURPLUS, false);
    }

    function admin() internal view returns (address) {
        return escrow.defaultAdmin();
    }

    function pull(string memory name, bytes memory call, uint256 amount, bool signed)
        private
        pure
        returns (MoneyCall memory)
    {
        return MoneyCall(name, RELAYER, call, amount, 0, 0, 0, signed);
    }

    function pay(string memory name, address who, bytes memory call, uint256 payout, uint256 refund)
        private
        pure
        returns (MoneyCall memory)
    {
        return MoneyCall(name, who, call, 0, payout, refund, 0, false);
    }

    function fresh(uint256 number) internal pure returns (Terms memory) {
        return Terms(bytes32(number), 5000, LATER, false, TERMS);
    }

    function id(uint256 number) internal pure returns (bytes32) {
        return bytes32(number);
    }

    // -- what must hold ------------------------------------------------------------------------

    function tryCall(MoneyCall memory m) internal returns (bool done) {
        vm.prank(m.who);
        (done,) = address(escrow).call(m.call);
    }

    /// @dev Refused, and not one word of the escrow's state or one balance is another.
    function expectRefused(MoneyCall memory m) internal {
        bytes32 before = everything();
        vm.assertFalse(tryCall(m), string.concat(m.name, " went through"));
        vm.assertEq(everything(), before, string.concat(m.name, " left something behind"));
    }

    /// @dev Goes through, and moves exactly what it is for. A fee is the receiver's loss, never that
    /// of the book.
    function expectExact(MoneyCall memory m) internal {
        uint256[5] memory before = balances();
        uint256 held = escrow.held();
        vm.assertTrue(tryCall(m), string.concat(m.name, " was refused"));
        uint256[5] memory later = balances();
        uint256 fee = coin.fee();
        uint256 gone = m.toPayout + m.toRefund;
        vm.assertEq(escrow.held(), held + m.pulls - gone, string.concat(m.name, ": held"));
        vm.assertEq(later[0] + m.pulls, before[0], string.concat(m.name, ": funder"));
        uint256 feeIn = m.pulls > 0 ? fee : 0;
        vm.assertEq(
            later[1] + feeIn + gone + m.toOther,
            before[1] + m.pulls,
            string.concat(m.name, ": balance of the escrow")
        );
        vm.assertEq(later[2], before[2] + net(m.toPayout, fee), string.concat(m.name, ": payout"));
        vm.assertEq(later[3], before[3] + net(m.toRefund, fee), string.concat(m.name, ": refund"));
        vm.assertEq(later[4], before[4] + net(m.toOther, fee), string.concat(m.name, ": other"));
        vm.assertTrue(later[1] >= escrow.held(), string.concat(m.name, ": held is not covered"));
    }

    function net(uint256 amount, uint256 fee) private pure returns (uint256) {
        return amount == 0 ? 0 : amount - fee;
    }

    function balances() private view returns (uint256[5] memory) {
        return [
            coin.balanceOf(funder),
            coin.balanceOf(address(escrow)),
            coin.balanceOf(PAYOUT),
            coin.balanceOf(REFUND),
            coin.balanceOf(OTHER)
        ];
    }

    function everything() internal view returns (bytes32) {
        return keccak256(abi.encode(balances(), books()));
    }

    /// @dev Every id of this scene: 1..9, and 100..103 for new ones.
    function scene() internal pure returns (bytes32[] memory all) {
        all = new bytes32[](13);
        for (uint256 i = 0; i < 13; ++i) {
            all[i] = bytes32(i < 9 ? i + 1 : 91 + i);
        }
    }

    /// @dev All the escrow knows: every escrow of this scene, the sum, wallets and pauses.
    function books() internal view returns (bytes32) {
        (uint8 bits, uint256 until) = escrow.paused();
        (address p, address r, uint256 from) = escrow.proposedWallets();
        return keccak256(
            abi.encode(
                escrow.escrows(scene()),
                escrow.held(),
                [escrow.payout(), escrow.refund(), p, r],
                [uint256(bits), until, from]
            )
        );
    }
}
