// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ShiftingToken} from "../support/ShiftingToken.sol";
import {vm} from "../support/Vm.sol";
import {HostileFixture} from "./HostileFixture.sol";

/// @notice Each way a token can misbehave, through each call that moves money. The escrows were locked
/// while the token was good: it turned under them.
contract HostileTokenTest is HostileFixture {
    function test_a_fee_is_refused_on_the_way_in_and_the_receivers_loss_on_the_way_out() public {
        vm.prank(admin());
        escrow.rescue(IERC20(address(coin)), OTHER, SURPLUS);
        coin.setFee(3);
        MoneyCall[CALLS] memory list = moneyCalls();
        for (uint256 i = 0; i < CALLS - 1; ++i) {
            uint256 state = vm.snapshotState();
            if (list[i].pulls > 0) expectRefused(list[i]);
            else expectExact(list[i]);
            vm.revertToState(state);
        }
    }

    function test_a_fee_that_a_donation_covers_is_exact() public {
        coin.setFee(3);
        for (uint256 i = 0; i < CALLS; ++i) {
            exact(i);
        }
    }

    function test_a_false_answer_is_refused() public {
        answerIsRefused(ShiftingToken.Answer.False);
    }

    function test_a_false_answer_after_moving_is_refused() public {
        answerIsRefused(ShiftingToken.Answer.Lie);
    }

    function test_no_answer_is_taken_for_yes() public {
        coin.setAnswer(ShiftingToken.Answer.Nothing);
        allGoThrough();
    }

    function test_a_paused_token_stops_everything_and_loses_nothing() public {
        coin.setPaused(true);
        refusesWhere(always);
        coin.setPaused(false);
        allGoThrough();
    }

    function test_a_blocked_escrow_stops_everything_and_loses_nothing() public {
        blockedStops(address(escrow), always);
    }

    function test_a_blocked_funder_stops_locks_only() public {
        blockedStops(funder, pulls);
    }

    function test_a_blocked_payout_wallet_stops_what_pays_it_only() public {
        blockedStops(PAYOUT, paysPayout);
    }

    function test_a_blocked_refund_wallet_stops_what_pays_it_only() public {
        blockedStops(REFUND, paysRefund);
    }

    /// @dev The way out of a wallet blocked for good: other wallets, two days later.
    function test_a_wallet_blocked_for_good_can_be_replaced() public {
        coin.setBlocked(PAYOUT, true);
        vm.startPrank(admin());
        escrow.proposeWallets(OTHER, REFUND);
        vm.warp(END + 2 days);
        escrow.acceptWallets();
        vm.stopPrank();
        vm.prank(RELAYER);
        escrow.release(id(3));
        vm.assertEq(coin.balanceOf(OTHER), 3000, "paid to the new wallet");
    }

    function test_a_token_without_code_is_refused() public {
        bytes memory code = address(coin).code;
        bytes32 before = books();
        MoneyCall[CALLS] memory list = moneyCalls();
        vm.etch(address(coin), "");
        for (uint256 i = 0; i < CALLS; ++i) {
            vm.assertFalse(tryCall(list[i]), string.concat(list[i].name, " went through"));
        }
        vm.assertEq(books(), before, "books");
        vm.etch(address(coin), code);
        allGoThrough();
    }

    /// @dev What is left is paid out in the order asked; nobody is booked as paid who was not.
    function test_after_a_seizure_locks_stop_and_payouts_go_as_far_as_the_money() public {
        coin.seize(address(escrow), coin.balanceOf(address(escrow)) - 5000);
        MoneyCall[CALLS] memory list = moneyCalls();
        expectRefused(list[0]);
        expectRefused(list[1]);
        expectRefused(list[2]);
        expectRefused(list[4]);
        expectRefused(list[5]);
        expectRefused(list[10]);
        vm.assertTrue(tryCall(list[6]), "refundExpired takes all that is left");
        vm.assertEq(coin.balanceOf(REFUND), 5000, "refund wallet");
        expectRefused(list[3]);
        expectRefused(list[8]);
    }

    /// @dev The token changes its behaviour before every call; in the end it is good again and all
    /// that is still open can be paid. Nothing was lost or made on the way.
    function testFuzz_a_token_that_changes_before_each_call(uint256 seed) public {
        uint256 supply = coin.totalSupply();
        MoneyCall[CALLS] memory list = moneyCalls();
        for (uint256 i = 0; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            shift(seed);
            MoneyCall memory m = list[(seed >> 8) % CALLS];
            bytes32 before = everything();
            if (!tryCall(m)) vm.assertEq(everything(), before, "a refused call changed something");
            vm.assertTrue(coin.balanceOf(address(escrow)) >= escrow.held(), "held is covered");
        }
        heal();
        payAll();
        vm.assertEq(escrow.held(), 0, "held");
        vm.assertTrue(coin.totalSupply() + 24 >= supply, "only fees are gone");
    }

    // -- the switches --------------------------------------------------------------------------

    function shift(uint256 seed) private {
        heal();
        uint256 kind = seed % 9;
        if (kind == 1) coin.setFee(1);
        if (kind == 2) coin.setPaused(true);
        if (kind == 3) coin.setBlocked(address(escrow), true);
        if (kind == 4) coin.setBlocked(PAYOUT, true);
        if (kind == 5) coin.setBlocked(REFUND, true);
        if (kind > 5) coin.setAnswer(ShiftingToken.Answer(kind - 5));
    }

    function heal() private {
        coin.setFee(0);
        coin.setPaused(false);
        coin.setAnswer(ShiftingToken.Answer.True);
        coin.setBlocked(address(escrow), false);
        coin.setBlocked(PAYOUT, false);
        coin.setBlocked(REFUND, false);
    }

    /// @dev Due ones to their wallet; what still runs goes back by the arbiter's decision.
    function payAll() private {
        bytes32[] memory all = scene();
        for (uint256 i = 0; i < all.length; ++i) {
            Escrow memory e = escrow.escrow(all[i]);
            if (e.state == State.Active) settle(all[i], e);
            if (escrow.escrow(all[i]).state != State.Disputed) continue;
            vm.prank(ARBITER);
            escrow.resolveRevert(all[i], NOTE);
        }
    }

    function settle(bytes32 which, Escrow memory e) private {
        bool running = block.timestamp < e.custodyEnd;
        vm.prank(running ? ARBITER : RELAYER);
        if (running) escrow.hold(which, REASON);
        else if (e.lock) escrow.refundExpired(which);
        else escrow.release(which);
    }

    // -- which calls a switch stops ------------------------------------------------------------

    function always(MoneyCall memory) private pure returns (bool) {
        return true;
    }

    function answered(MoneyCall memory m) private pure returns (bool) {
        return !m.signed;
    }

    function pulls(MoneyCall memory m) private pure returns (bool) {
        return m.pulls > 0;
    }

    function paysPayout(MoneyCall memory m) private pure returns (bool) {
        return m.toPayout > 0;
    }

    function paysRefund(MoneyCall memory m) private pure returns (bool) {
        return m.toRefund > 0;
    }

    /// @dev Those it names are refused with nothing changed; all others are exact.
    function refusesWhere(function(MoneyCall memory) pure returns (bool) named) private {
        MoneyCall[CALLS] memory list = moneyCalls();
        for (uint256 i = 0; i < CALLS; ++i) {
            if (named(list[i])) expectRefused(list[i]);
            else exact(i);
        }
    }

    function blockedStops(address account, function(MoneyCall memory) pure returns (bool) named)
        private
    {
        coin.setBlocked(account, true);
        refusesWhere(named);
        coin.setBlocked(account, false);
        allGoThrough();
    }

    function answerIsRefused(ShiftingToken.Answer answer) private {
        coin.setAnswer(answer);
        refusesWhere(answered);
        coin.setAnswer(ShiftingToken.Answer.True);
        allGoThrough();
    }

    function allGoThrough() private {
        for (uint256 i = 0; i < CALLS; ++i) {
            exact(i);
        }
    }

    /// @dev Alone, from the same start: the calls share escrows.
    function exact(uint256 i) private {
        uint256 state = vm.snapshotState();
        expectExact(moneyCalls()[i]);
        vm.revertToState(state);
    }
}
