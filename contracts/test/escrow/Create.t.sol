// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract CreateTest is EscrowFixture {
    function test_locks_the_money_and_stores_the_terms() public {
        expectEvent();
        emit EscrowCreated(ID, funder, AMOUNT, END, false, TERMS);
        create(custody(ID));

        Escrow memory e = escrow.escrow(ID);
        vm.assertEq(e.amount, AMOUNT, "amount");
        vm.assertEq(e.createdAt, START, "createdAt");
        vm.assertEq(e.custodyEnd, END, "custodyEnd");
        vm.assertEq(e.disputedAt, 0, "disputedAt");
        vm.assertEq(uint256(e.state), uint256(State.Active), "state");
        vm.assertFalse(e.lock, "lock");
        vm.assertEq(uint256(e.party), uint256(Party.None), "party");
        vm.assertEq(e.round, 0, "round");
        expectMoney(AMOUNT, 0, 0);
    }

    function test_stores_a_burn_lock() public {
        expectEvent();
        emit EscrowCreated(ID, funder, AMOUNT, END, true, TERMS);
        create(burnLock(ID));
        vm.assertTrue(escrow.escrow(ID).lock, "lock");
    }

    function test_refuses_a_used_id_in_every_state() public {
        for (uint8 s = uint8(State.Active); s <= uint8(State.Split); ++s) {
            bytes32 id = bytes32(uint256(s));
            reach(id, State(s));
            expectError(abi.encodeWithSelector(EscrowExists.selector, id, State(s)));
            create(custody(id));
        }
    }

    function test_refuses_a_used_id_with_other_terms() public {
        create(custody(ID));
        Terms memory t = custody(ID);
        t.amount += 1;
        t.custodyEnd += 1 days;
        expectError(abi.encodeWithSelector(EscrowExists.selector, ID, State.Active));
        create(t);
        vm.assertEq(escrow.escrow(ID).amount, AMOUNT, "amount unchanged");
        vm.assertEq(escrow.escrow(ID).custodyEnd, END, "end unchanged");
    }

    function test_refuses_id_zero() public {
        expectError(abi.encodeWithSelector(IdZero.selector));
        create(custody(bytes32(0)));
    }

    function test_refuses_amount_zero() public {
        Terms memory t = custody(ID);
        t.amount = 0;
        expectError(abi.encodeWithSelector(AmountZero.selector, ID));
        create(t);
    }

    function test_end_must_be_later_than_now() public {
        Terms memory t = custody(ID);
        t.custodyEnd = uint40(START);
        expectError(endOutOfRange(t.custodyEnd));
        create(t);
        t.custodyEnd = uint40(START) + 1;
        create(t);
        expectState(ID, State.Active);
    }

    function test_end_must_lie_within_the_longest_custody() public {
        Terms memory t = custody(ID);
        t.custodyEnd = uint40(START + escrow.MAX_CUSTODY()) + 1;
        expectError(endOutOfRange(t.custodyEnd));
        create(t);
        t.custodyEnd -= 1;
        create(t);
        expectState(ID, State.Active);
    }

    function test_refuses_an_end_in_milliseconds() public {
        Terms memory t = custody(ID);
        t.custodyEnd = END * 500;
        expectError(endOutOfRange(t.custodyEnd));
        create(t);
    }

    function test_refuses_more_than_the_allowance() public {
        vm.prank(funder);
        token.approve(address(escrow), AMOUNT - 1);
        expectError(
            abi.encodeWithSignature("Error(string)", "ERC20: transfer amount exceeds allowance")
        );
        create(custody(ID));
        expectState(ID, State.None);
        expectMoney(0, 0, 0);
    }

    function test_refuses_more_than_the_balance() public {
        vm.prank(funder);
        token.approve(address(escrow), type(uint256).max);
        Terms memory t = custody(ID);
        t.amount = uint88(FUNDS) + 1;
        expectError(
            abi.encodeWithSignature("Error(string)", "ERC20: transfer amount exceeds balance")
        );
        create(t);
        expectState(ID, State.None);
    }

    function test_token_pause_changes_nothing_and_can_be_retried() public {
        vm.prank(ADMIN);
        token.pause();
        expectError(abi.encodeWithSignature("Error(string)", "Pausable: paused"));
        create(custody(ID));
        expectState(ID, State.None);
        vm.prank(ADMIN);
        token.unpause();
        create(custody(ID));
        expectMoney(AMOUNT, 0, 0);
    }

    function test_stops_while_creates_are_paused() public {
        pause(escrow.PAUSE_CREATE());
        expectPaused(1);
        create(custody(ID));
    }

    function test_goes_on_while_payouts_are_paused() public {
        pause(escrow.PAUSE_PAYOUT());
        create(custody(ID));
        expectState(ID, State.Active);
    }

    function test_goes_on_when_the_pause_has_ended_by_itself() public {
        pause(escrow.PAUSE_CREATE());
        vm.warp(START + escrow.PAUSE_TIME() - 1);
        Terms memory t = custody(ID);
        t.custodyEnd = uint40(START + 30 days);
        expectPaused(1);
        create(t);
        vm.warp(START + escrow.PAUSE_TIME());
        create(t);
        expectState(ID, State.Active);
    }

    function testFuzz_pulls_exactly_the_amount(bytes32 id, uint88 amount, uint40 period, bool lock)
        public
    {
        vm.assume(id != bytes32(0));
        amount = uint88(between(amount, 1, FUNDS));
        period = uint40(between(period, 1, escrow.MAX_CUSTODY()));
        create(Terms(id, amount, uint40(START) + period, lock, TERMS));
        Escrow memory e = escrow.escrow(id);
        vm.assertEq(e.amount, amount, "amount");
        vm.assertEq(e.custodyEnd, START + period, "custodyEnd");
        vm.assertTrue(e.lock == lock, "lock");
        expectMoney(amount, 0, 0);
    }

    function testFuzz_takes_exactly_the_ends_within_the_limits(uint40 end) public {
        uint256 latest = START + escrow.MAX_CUSTODY();
        Terms memory t = custody(ID);
        t.custodyEnd = end;
        bool good = end > START && end <= latest;
        if (!good) expectError(endOutOfRange(end));
        create(t);
        expectState(ID, good ? State.Active : State.None);
    }

    function endOutOfRange(uint256 end) private view returns (bytes memory) {
        return abi.encodeWithSelector(
            EndOutOfRange.selector, ID, end, START + 1, START + escrow.MAX_CUSTODY()
        );
    }
}
