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

    string[9] private RULES = [
        "1: balance covers held",
        "2: held is what is open",
        "3: in = out + held",
        "4: legal edges only",
        "5: paid out once and exactly",
        "6: each call by its role",
        "7: nothing early, no dispute late",
        "8: pay-outs touch the two wallets only",
        "9: the logs tell everything"
    ];

    EscrowHandler private _handler;
    KustodiaEscrow private _escrow;
    ShiftingToken private _coin;
    LogMirror private _mirror;
    bytes32 private _relayer;
    bytes32 private _arbiter;
    bytes32 private _guardian;

    function setUp() public {
        _handler = new EscrowHandler();
        _handler.setUp();
        _escrow = _handler.target();
        _coin = _handler.coin();
        _mirror = _handler.mirror();
        _relayer = _escrow.RELAYER();
        _arbiter = _escrow.ARBITER();
        _guardian = _escrow.GUARDIAN();
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
        unbroken();
        bytes32[] memory ids = _handler.locked();
        Escrow[] memory list = _escrow.escrows(ids);
        uint256 held = _escrow.held();
        uint256 balance = _coin.balanceOf(address(_escrow));
        vm.assertTrue(balance >= held, "1: balance is below held");
        held_is_what_is_open(list, held);
        what_came_in_is_out_or_held(held, balance);
        paid_once_and_exactly(list);
        logs_tell_the_escrows(ids, list, held);
        logs_tell_the_rules();
        // One account after each call; all of them after the last.
        roles_are_apart_and_told(_handler.account(_handler.calls() % _handler.accountCount()));
    }

    function afterInvariant() public view {
        for (uint256 i = 0; i < _handler.accountCount(); ++i) {
            roles_are_apart_and_told(_handler.account(i));
        }
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
            afterInvariant();
            for (uint256 i = 0; i < all.length; ++i) {
                seen[i] += _handler.seen(all[i]);
            }
        }
        for (uint256 i = 0; i < all.length; ++i) {
            vm.assertTrue(seen[i] > 0, string.concat("never seen: ", all[i]));
        }
    }

    /// @dev Invariants 4, 7 and 8, and what the others need of single calls: the witness judged each.
    function unbroken() private view {
        (uint256 rule, string memory found) = _handler.firstBreach();
        if (bytes(found).length == 0) return;
        vm.assertTrue(false, string.concat(rule == 0 ? "liveness" : RULES[rule - 1], ": ", found));
    }

    function held_is_what_is_open(Escrow[] memory list, uint256 held) private pure {
        uint256 sum = 0;
        for (uint256 i = 0; i < list.length; ++i) {
            State s = list[i].state;
            if (s == State.Active || s == State.Disputed) sum += list[i].amount;
        }
        vm.assertEq(held, sum, "2: held is the sum of what is open");
    }

    function what_came_in_is_out_or_held(uint256 held, uint256 balance) private view {
        (uint256 pulled, uint256 paid, uint256 given, uint256 spent) = _handler.totals();
        vm.assertEq(pulled, paid + held, "3: in = out + held");
        vm.assertEq(balance + spent, held + given, "3: balance = held + gifts left");
    }

    function paid_once_and_exactly(Escrow[] memory list) private view {
        (uint256[12] memory times, uint256[12] memory amounts) = _handler.payments();
        for (uint256 i = 0; i < list.length; ++i) {
            bool over = list[i].state > State.Disputed;
            vm.assertEq(times[i], over ? 1 : 0, "5: paid out once, when final");
            vm.assertEq(amounts[i], over ? list[i].amount : 0, "5: paid out exactly");
        }
    }

    function roles_are_apart_and_told(address who) private view {
        bool moves = told(_relayer, who);
        bool decides = told(_arbiter, who) || told(bytes32(0), who);
        vm.assertFalse(decides && moves, "6: one key moves and decides");
        told(_guardian, who);
    }

    function told(bytes32 role, address who) private view returns (bool has) {
        has = _escrow.hasRole(role, who);
        vm.assertTrue(_mirror.hasRole(role, who) == has, "9: roles");
    }

    function logs_tell_the_escrows(bytes32[] memory ids, Escrow[] memory list, uint256 held)
        private
        view
    {
        vm.assertEq(_mirror.misfits(), 0, "9: a log that fits nothing");
        vm.assertEq(_mirror.knownCount(), list.length, "9: number of escrows");
        vm.assertEq(
            keccak256(abi.encode(_mirror.escrows(ids))), keccak256(abi.encode(list)), "9: escrows"
        );
        vm.assertEq(_mirror.held(), held, "9: held");
    }

    function logs_tell_the_rules() private view {
        (address payout, address refund, uint256 from) = _escrow.proposedWallets();
        (uint8 bits, uint256 until) = _escrow.paused();
        bytes memory views =
            abi.encode(_escrow.payout(), _escrow.refund(), payout, refund, from, bits, until);
        vm.assertEq(keccak256(_mirror.rules()), keccak256(views), "9: wallets and pauses");
    }
}
