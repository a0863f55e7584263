// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract RefundExpiredTest is EscrowFixture {
    function test_returns_a_burn_lock_at_its_end() public {
        create(burnLock(ID));
        vm.warp(END);
        expectEvent();
        emit EscrowReverted(ID, REFUND, AMOUNT, bytes32(0));
        refundExpired(ID);
        expectState(ID, State.Reverted);
        expectMoney(0, 0, AMOUNT);
    }

    function test_refuses_one_second_before_the_end() public {
        create(burnLock(ID));
        vm.warp(END - 1);
        expectError(abi.encodeWithSelector(CustodyRunning.selector, ID, END, END - 1));
        refundExpired(ID);
    }

    function test_is_not_for_custody() public {
        create(custody(ID));
        vm.warp(END);
        expectError(abi.encodeWithSelector(NotALock.selector, ID));
        refundExpired(ID);
    }

    function test_a_dismissed_lock_expires_like_any_other() public {
        create(burnLock(ID));
        vm.prank(RELAYER);
        escrow.dispute(ID, Party.Seller, REASON);
        vm.warp(END);
        vm.prank(ARBITER);
        escrow.dismiss(ID, NOTE);
        refundExpired(ID);
        expectMoney(0, 0, AMOUNT);
    }

    function test_is_never_paused() public {
        create(burnLock(ID));
        vm.warp(END);
        pause(3);
        refundExpired(ID);
        expectMoney(0, 0, AMOUNT);
    }

    function testFuzz_is_open_exactly_from_the_end_on(uint40 time, uint88 amount) public {
        time = uint40(between(time, START, uint256(END) + 365 days));
        Terms memory t = burnLock(ID);
        t.amount = uint88(between(amount, 1, FUNDS));
        create(t);
        vm.warp(time);
        bool over = time >= END;
        if (!over) expectError(abi.encodeWithSelector(CustodyRunning.selector, ID, END, time));
        refundExpired(ID);
        expectMoney(over ? 0 : t.amount, 0, over ? t.amount : 0);
    }

    function refundExpired(bytes32 id) private {
        vm.prank(RELAYER);
        escrow.refundExpired(id);
    }
}
