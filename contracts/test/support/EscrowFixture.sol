// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IKustodiaEscrow} from "../../src/IKustodiaEscrow.sol";
import {KustodiaEscrow} from "../../src/KustodiaEscrow.sol";
import {TestMXNB} from "../../src/TestMXNB.sol";
import {Deployed} from "./Deployed.sol";
import {ProxiedToken} from "./ProxiedToken.sol";
import {vm} from "./Vm.sol";

/// @notice A deployed escrow with one address per role, a funded and approved funder, and the short
/// words the tests are written in. Every test contract starts from it.
abstract contract EscrowFixture is IKustodiaEscrow {
    bool public constant IS_TEST = true;

    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant VALID_BEFORE = START + 1 hours; // of authorizations
    uint40 internal constant PERIOD = 3 days;
    uint40 internal constant END = uint40(START) + PERIOD;
    uint88 internal constant AMOUNT = 1_500_000_000;
    uint256 internal constant FUNDS = 1e15;
    bytes32 internal constant TERMS = keccak256("terms");
    bytes32 internal constant REASON = keccak256("reason");
    bytes32 internal constant NOTE = keccak256("note");
    bytes32 internal constant ID = keccak256("payment 1");
    bytes32 internal constant ID2 = keccak256("payment 2");
    bytes32 internal constant ID3 = keccak256("payment 3");

    uint256 internal constant FUNDER_KEY = 0xF00D;
    address internal immutable funder = vm.addr(FUNDER_KEY);
    address internal constant ADMIN = address(0xAD01);
    /// @dev May upgrade the token, and can call nothing else of it.
    address internal constant PROXY_ADMIN = address(0xAD02);
    address internal constant RELAYER = address(0xBE01);
    address internal constant ARBITER = address(0xA401);
    address internal constant GUARDIAN = address(0x6401);
    address internal constant PAYOUT = address(0x9A01);
    address internal constant REFUND = address(0x4E01);
    address internal constant STRANGER = address(0x5701);

    /// @dev Behind its proxy, as MXNB is: what a call costs here is what it costs there.
    TestMXNB internal token;
    KustodiaEscrow internal escrow;

    function setUp() public virtual {
        vm.warp(START);
        token = ProxiedToken.create(ADMIN, PROXY_ADMIN);
        escrow = deploy(IERC20(address(token)));
        vm.startPrank(ADMIN);
        token.configureMinter(ADMIN, type(uint256).max);
        token.mint(funder, FUNDS);
        vm.stopPrank();
        vm.prank(funder);
        token.approve(address(escrow), FUNDS);
    }

    function deploy(IERC20 token_) internal returns (KustodiaEscrow made) {
        made = construct(abi.encode(token_, funder, ADMIN, 2 days, PAYOUT, REFUND));
        vm.startPrank(ADMIN);
        made.grantRole(made.RELAYER(), RELAYER);
        made.grantRole(made.ARBITER(), ARBITER);
        made.grantRole(made.GUARDIAN(), GUARDIAN);
        vm.stopPrank();
    }

    /// @param args the constructor's arguments, encoded.
    function construct(bytes memory args) internal returns (KustodiaEscrow) {
        return KustodiaEscrow(Deployed.create("KustodiaEscrow", args));
    }

    // -- what is locked ------------------------------------------------------------------------

    function custody(bytes32 id) internal pure returns (Terms memory) {
        return Terms({id: id, amount: AMOUNT, custodyEnd: END, lock: false, terms: TERMS});
    }

    function burnLock(bytes32 id) internal pure returns (Terms memory) {
        return Terms({id: id, amount: AMOUNT, custodyEnd: END, lock: true, terms: TERMS});
    }

    function create(Terms memory t) internal {
        vm.prank(RELAYER);
        escrow.create(t);
    }

    function createDisputed(bytes32 id) internal {
        create(custody(id));
        vm.prank(RELAYER);
        escrow.dispute(id, Party.Buyer, REASON);
    }

    /// @dev A custody escrow brought to the wanted state along legal edges; ends before END, but for
    /// Released, which is reached by the arbiter's early release.
    function reach(bytes32 id, State state) internal {
        if (state == State.None) return;
        create(custody(id));
        if (state == State.Active) return;
        if (state == State.Released) {
            vm.prank(ARBITER);
            escrow.releaseEarly(id);
            return;
        }
        vm.startPrank(ARBITER);
        escrow.hold(id, REASON);
        if (state == State.Reverted) escrow.resolveRevert(id, NOTE);
        if (state == State.Split) escrow.resolveSplit(id, 1, NOTE);
        vm.stopPrank();
    }

    /// @dev A fuzzed number brought into min..max, both included.
    function between(uint256 value, uint256 min, uint256 max) internal pure returns (uint256) {
        return min + value % (max - min + 1);
    }

    function ids(bytes32 a, bytes32 b, bytes32 c) internal pure returns (bytes32[] memory list) {
        list = new bytes32[](3);
        (list[0], list[1], list[2]) = (a, b, c);
    }

    // -- what is expected ----------------------------------------------------------------------

    function expectState(bytes32 id, State wanted) internal view {
        vm.assertEq(uint256(escrow.escrow(id).state), uint256(wanted), "state");
    }

    /// @dev The whole of the money: the escrow's balance and book agree, and nothing is elsewhere.
    function expectMoney(uint256 held, uint256 payout, uint256 refund) internal view {
        vm.assertEq(escrow.held(), held, "held");
        vm.assertEq(token.balanceOf(address(escrow)), held, "balance of the escrow");
        vm.assertEq(token.balanceOf(PAYOUT), payout, "balance of the payout wallet");
        vm.assertEq(token.balanceOf(REFUND), refund, "balance of the refund wallet");
        vm.assertEq(
            token.balanceOf(funder), FUNDS - held - payout - refund, "balance of the funder"
        );
    }

    function expectEvent() internal {
        vm.expectEmit(true, true, true, true, address(escrow));
    }

    function expectError(bytes memory data) internal {
        vm.expectRevert(data);
    }

    function expectWrongState(bytes32 id, State state, State required) internal {
        vm.expectRevert(abi.encodeWithSelector(WrongState.selector, id, state, required));
    }

    /// @dev For calls on ID that are open before END only.
    function expectEndedFrom(uint256 time) internal {
        if (time < END) return;
        vm.expectRevert(abi.encodeWithSelector(CustodyEnded.selector, ID, END, time));
    }

    function expectUnauthorized(address who, bytes32 role) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, who, role
            )
        );
    }

    function pause(uint8 bits) internal {
        vm.prank(GUARDIAN);
        escrow.pause(bits);
    }

    function expectPaused(uint8 bits) internal {
        (, uint256 until) = escrow.paused();
        vm.expectRevert(abi.encodeWithSelector(PausedUntil.selector, bits, until));
    }

    /// @dev An ERC-3009 authorization for these terms by `key`, good for an hour after START.
    function signed(Terms memory t, uint256 key) internal view returns (bytes memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
                funder,
                address(escrow),
                uint256(t.amount),
                uint256(0),
                VALID_BEFORE,
                keccak256(abi.encode(t))
            )
        );
        bytes32 digest =
            keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
