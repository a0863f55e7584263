// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract ReleaseTest is EscrowFixture {
    function test_pays_custody_from_its_end_on() public {
        create(custody(ID));
        vm.warp(END);
        expectEvent();
        emit EscrowReleased(ID, PAYOUT, AMOUNT, false);
        release(ID);
        expectState(ID, State.Released);
        expectMoney(0, AMOUNT, 0);
    }

    function test_refuses_custody_one_second_before_its_end() public {
        create(custody(ID));
        vm.warp(END - 1);
        expectError(abi.encodeWithSelector(CustodyRunning.selector, ID, END, END - 1));
        release(ID);
        expectMoney(AMOUNT, 0, 0);
    }

    function test_pays_a_burn_lock_before_its_end() public {
        create(burnLock(ID));
        vm.warp(END - 1);
        expectEvent();
        emit EscrowReleased(ID, PAYOUT, AMOUNT, false);
        release(ID);
        expectMoney(0, AMOUNT, 0);
    }

    function test_refuses_a_burn_lock_at_its_end() public {
        create(burnLock(ID));
        vm.warp(END);
        expectError(abi.encodeWithSelector(CustodyEnded.selector, ID, END, END));
        release(ID);
    }

    function test_pays_once() public {
        create(custody(ID));
        create(custody(ID2));
        vm.warp(END);
        release(ID);
        expectWrongState(ID, State.Released, State.Active);
        release(ID);
        expectMoney(AMOUNT, AMOUNT, 0);
    }

    function test_pays_after_a_dismissed_dispute() public {
        createDisputed(ID);
        vm.prank(ARBITER);
        escrow.dismiss(ID, NOTE);
        vm.warp(END);
        release(ID);
        expectMoney(0, AMOUNT, 0);
    }

    function test_a_blocked_wallet_leaves_the_escrow_as_it_was() public {
        create(custody(ID));
        vm.warp(END);
        vm.prank(ADMIN);
        token.blacklist(PAYOUT);
        expectError(
            abi.encodeWithSignature("Error(string)", "Blacklistable: account is blacklisted")
        );
        release(ID);
        expectState(ID, State.Active);
        expectMoney(AMOUNT, 0, 0);
        vm.prank(ADMIN);
        token.unBlacklist(PAYOUT);
        release(ID);
        expectMoney(0, AMOUNT, 0);
    }

    function test_stops_while_payouts_are_paused() public {
        create(custody(ID));
        vm.warp(END);
        pause(escrow.PAUSE_PAYOUT());
        expectPaused(2);
        release(ID);
    }

    function test_goes_on_while_creates_are_paused() public {
        create(custody(ID));
        vm.warp(END);
        pause(escrow.PAUSE_CREATE());
        release(ID);
        expectMoney(0, AMOUNT, 0);
    }

    function testFuzz_custody_and_lock_are_each_others_opposite(uint40 time, bool lock) public {
        time = uint40(between(time, START, uint256(END) + 30 days));
        create(lock ? burnLock(ID) : custody(ID));
        vm.warp(time);
        bool due = lock ? time < END : time >= END;
        if (!due) {
            bytes4 selector = lock ? CustodyEnded.selector : CustodyRunning.selector;
            expectError(abi.encodeWithSelector(selector, ID, END, time));
        }
        release(ID);
        expectMoney(due ? 0 : AMOUNT, due ? AMOUNT : 0, 0);
    }

    function testFuzz_pays_exactly_the_amount(uint88 amount, uint88 rest) public {
        Terms memory t = custody(ID);
        t.amount = uint88(between(amount, 1, FUNDS / 2));
        create(t);
        Terms memory other = custody(ID2);
        other.amount = uint88(between(rest, 1, FUNDS / 2));
        create(other);
        vm.warp(END);
        release(ID);
        expectMoney(other.amount, t.amount, 0);
    }

    function release(bytes32 id) private {
        vm.prank(RELAYER);
        escrow.release(id);
    }
}
