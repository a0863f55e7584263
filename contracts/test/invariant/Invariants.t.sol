// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IKustodiaEscrow} from "../../src/IKustodiaEscrow.sol";
import {KustodiaEscrow} from "../../src/KustodiaEscrow.sol";
import {LogMirror} from "../support/LogMirror.sol";
import {ShiftingToken} from "../support/ShiftingToken.sol";
import {vm} from "../support/Vm.sol";
import {EscrowHandler} from "./EscrowHandler.sol";

/// @notice What holds after any sequence of calls, times, pauses, blocklistings, fees and gifts.
/// The runner checks all nine after each call, in one campaign: a campaign per rule would cost nine
/// times the time for the same sequences.
contract InvariantsTest is IKustodiaEscrow {
    bool public constant IS_TEST = true;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    EscrowHandler private _handler;
    KustodiaEscrow private _escrow;
    ShiftingToken private _coin;
    LogMirror private _mirror;

    function setUp() public {
        _handler = new EscrowHandler();
        _handler.setUp();
        _escrow = _handler.target();
        _coin = _handler.coin();
        _mirror = _handler.mirror();
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(_handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory list) {
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(_handler), _handler.selectors());
    }

    function invariant_the_nine() public {
        vm.warp(_handler.time());
        unbroken(0, "liveness");
        balance_covers_held();
        held_is_what_is_open();
        what_came_in_is_out_or_held();
        unbroken(4, "4: legal edges only, terms never change");
        paid_once_and_exactly();
        roles_are_kept_apart();
        unbroken(7, "7: nothing early, no dispute late");
        unbroken(8, "8: pay-outs touch the two wallets only");
        logs_tell_everything();
    }

    /// @dev 30 sequences of 100 calls, from a fixed seed: everything the invariants speak about
    /// does happen, so that they can fail.
    function test_the_handler_reaches_everything() public {
        string[22] memory all = [
            "custody made",
            "burn lock made",
            "lock refused",
            "used id refused",
            "disputed",
            "rounds used up",
            "held",
            "dismissed",
            "reverted",
            "split",
            "custody released",
            "lock released",
            "released early",
            "lock refunded",
            "fee covered by a donation",
            "escrow paused",
            "wallets changed",
            "surplus rescued",
            "role granted",
            "role clash refused",
            "stranger tried",
            "relayer tried to decide"
        ];
        uint256[22] memory seen;
        bytes4[] memory calls = _handler.selectors();
        for (uint256 run = 0; run < 30; ++run) {
            setUp();
            for (uint256 i = 0; i < 100; ++i) {
                uint256 seed = uint256(keccak256(abi.encode(run, i)));
                bytes4 call = calls[seed % calls.length];
                (bool done,) = address(_handler)
                    .call(abi.encodeWithSelector(call, seed >> 32, uint88(seed >> 16), seed & 1));
                vm.assertTrue(done, "a handler reverted");
            }
            invariant_the_nine();
            for (uint256 i = 0; i < all.length; ++i) {
                seen[i] += _handler.seen(all[i]);
            }
        }
        for (uint256 i = 0; i < all.length; ++i) {
            vm.assertTrue(seen[i] > 0, string.concat("never seen: ", all[i]));
        }
    }

    function balance_covers_held() private view {
        vm.assertTrue(
            _coin.balanceOf(address(_escrow)) >= _escrow.held(), "1: balance is below held"
        );
    }

    function held_is_what_is_open() private view {
        unbroken(2, "2: held moves with the escrows");
        uint256 sum = 0;
        for (uint256 i = 1; i <= _handler.made(); ++i) {
            Escrow memory e = _escrow.escrow(bytes32(i));
            if (e.state == State.Active || e.state == State.Disputed) sum += e.amount;
        }
        vm.assertEq(_escrow.held(), sum, "2: held is the sum of what is open");
    }

    function what_came_in_is_out_or_held() private view {
        unbroken(3, "3: no balance moves unexplained");
        vm.assertEq(_handler.pulled(), _handler.paid() + _escrow.held(), "3: in = out + held");
        vm.assertEq(
            _coin.balanceOf(address(_escrow)) + _handler.feesIn() + _handler.rescued(),
            _escrow.held() + _handler.given(),
            "3: balance = held + gifts - what they covered or was rescued"
        );
    }

    function paid_once_and_exactly() private view {
        unbroken(5, "5: parts are as decided");
        for (uint256 i = 1; i <= _handler.made(); ++i) {
            bytes32 id = bytes32(i);
            Escrow memory e = _escrow.escrow(id);
            bool over = e.state > State.Disputed;
            vm.assertEq(_handler.timesPaid(id), over ? 1 : 0, "5: paid out once, when final");
            vm.assertEq(_handler.paidOut(id), over ? e.amount : 0, "5: paid out exactly");
        }
    }

    function roles_are_kept_apart() private view {
        unbroken(6, "6: each call by its role");
        address[] memory all = _handler.everybody();
        for (uint256 i = 0; i < all.length; ++i) {
            bool decides = _escrow.hasRole(_escrow.ARBITER(), all[i])
                || _escrow.hasRole(_escrow.DEFAULT_ADMIN_ROLE(), all[i]);
            bool moves = _escrow.hasRole(_escrow.RELAYER(), all[i]);
            vm.assertFalse(decides && moves, "6: one key moves and decides");
        }
    }

    function logs_tell_everything() private view {
        vm.assertEq(_mirror.misfits(), 0, "9: a log that fits nothing");
        vm.assertEq(_mirror.knownCount(), _handler.made(), "9: number of escrows");
        for (uint256 i = 0; i < _mirror.knownCount(); ++i) {
            bytes32 id = _mirror.known(i);
            vm.assertEq(
                keccak256(abi.encode(_mirror.escrow(id))),
                keccak256(abi.encode(_escrow.escrow(id))),
                "9: an escrow"
            );
        }
        vm.assertEq(_mirror.held(), _escrow.held(), "9: held");
        vm.assertEq(_mirror.payout(), _escrow.payout(), "9: payout wallet");
        vm.assertEq(_mirror.refund(), _escrow.refund(), "9: refund wallet");
        logs_tell_the_rules();
    }

    function logs_tell_the_rules() private view {
        (address payout, address refund, uint256 at) = _escrow.proposedWallets();
        vm.assertEq(_mirror.nextPayout(), payout, "9: next payout wallet");
        vm.assertEq(_mirror.nextRefund(), refund, "9: next refund wallet");
        vm.assertEq(_mirror.acceptableAt(), at, "9: time of the next wallets");
        (uint8 bits, uint256 until) = _escrow.paused();
        bool over = block.timestamp >= _mirror.pauseUntil();
        vm.assertEq(over ? 0 : _mirror.pauseBits(), bits, "9: pause bits");
        vm.assertEq(over ? 0 : _mirror.pauseUntil(), until, "9: end of the pause");
        address[] memory all = _handler.everybody();
        bytes32[4] memory roles = [
            _escrow.RELAYER(),
            _escrow.ARBITER(),
            _escrow.GUARDIAN(),
            _escrow.DEFAULT_ADMIN_ROLE()
        ];
        for (uint256 i = 0; i < all.length * roles.length; ++i) {
            (bytes32 role, address who) = (roles[i % roles.length], all[i / roles.length]);
            vm.assertTrue(_mirror.hasRole(role, who) == _escrow.hasRole(role, who), "9: roles");
        }
    }

    function unbroken(uint256 rule, string memory what) private view {
        string memory found = _handler.breach(rule);
        if (bytes(found).length > 0) vm.assertTrue(false, string.concat(what, ": ", found));
    }
}
