// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract ReleaseEarlyTest is EscrowFixture {
    function test_pays_before_the_end_and_says_so() public {
        create(custody(ID));
        vm.warp(END - 1);
        expectEvent();
        emit EscrowReleased(ID, PAYOUT, AMOUNT, true);
        releaseEarly(ID);
        expectState(ID, State.Released);
        expectMoney(0, AMOUNT, 0);
    }

    function test_is_over_at_the_end() public {
        create(custody(ID));
        vm.warp(END);
        expectError(abi.encodeWithSelector(CustodyEnded.selector, ID, END, END));
        releaseEarly(ID);
    }

    function test_is_not_for_burn_locks() public {
        create(burnLock(ID));
        expectError(abi.encodeWithSelector(IsALock.selector, ID));
        releaseEarly(ID);
    }

    function test_stops_while_payouts_are_paused() public {
        create(custody(ID));
        pause(escrow.PAUSE_PAYOUT());
        expectPaused(2);
        releaseEarly(ID);
    }

    function test_goes_on_while_creates_are_paused() public {
        create(custody(ID));
        pause(escrow.PAUSE_CREATE());
        releaseEarly(ID);
        expectMoney(0, AMOUNT, 0);
    }

    function testFuzz_is_open_exactly_before_the_end(uint40 time, uint88 amount) public {
        time = uint40(between(time, START, uint256(END) + 1 days));
        Terms memory t = custody(ID);
        t.amount = uint88(between(amount, 1, FUNDS));
        create(t);
        vm.warp(time);
        bool over = time >= END;
        expectEndedFrom(time);
        releaseEarly(ID);
        expectMoney(over ? t.amount : 0, over ? 0 : t.amount, 0);
    }

    function releaseEarly(bytes32 id) private {
        vm.prank(ARBITER);
        escrow.releaseEarly(id);
    }
}
