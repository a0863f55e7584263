// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract DismissTest is EscrowFixture {
    function test_lets_custody_go_on_with_the_same_end() public {
        createDisputed(ID);
        vm.warp(START + 1 days);
        expectEvent();
        emit DisputeDismissed(ID, 1, NOTE);
        vm.prank(ARBITER);
        escrow.dismiss(ID, NOTE);
        Escrow memory e = escrow.escrow(ID);
        vm.assertEq(uint256(e.state), uint256(State.Active), "state");
        vm.assertEq(e.custodyEnd, END, "end unchanged");
        vm.assertEq(e.disputedAt, START, "time of the dispute kept");
        expectMoney(AMOUNT, 0, 0);
    }

    function test_works_after_the_end_under_every_pause() public {
        createDisputed(ID);
        vm.warp(END + 365 days);
        pause(3);
        vm.prank(ADMIN);
        token.pause();
        vm.prank(ARBITER);
        escrow.dismiss(ID, NOTE);
        expectState(ID, State.Active);
    }
}

contract ResolveRevertTest is EscrowFixture {
    function test_returns_the_whole_amount() public {
        createDisputed(ID);
        expectEvent();
        emit EscrowReverted(ID, REFUND, AMOUNT, NOTE);
        resolveRevert(ID);
        expectState(ID, State.Reverted);
        expectMoney(0, 0, AMOUNT);
    }

    function test_works_after_the_end_and_is_never_paused() public {
        createDisputed(ID);
        vm.warp(END + 1);
        pause(3);
        resolveRevert(ID);
        expectMoney(0, 0, AMOUNT);
    }

    function test_a_blocked_wallet_leaves_the_dispute_open() public {
        createDisputed(ID);
        vm.prank(ADMIN);
        token.blacklist(REFUND);
        expectError(
            abi.encodeWithSignature("Error(string)", "Blacklistable: account is blacklisted")
        );
        resolveRevert(ID);
        expectState(ID, State.Disputed);
        expectMoney(AMOUNT, 0, 0);
    }

    function resolveRevert(bytes32 id) private {
        vm.prank(ARBITER);
        escrow.resolveRevert(id, NOTE);
    }
}

contract ResolveSplitTest is EscrowFixture {
    function test_pays_both_parts() public {
        createDisputed(ID);
        expectEvent();
        emit EscrowSplit(ID, 1, AMOUNT - 1, NOTE);
        resolveSplit(ID, 1);
        expectState(ID, State.Split);
        expectMoney(0, AMOUNT - 1, 1);
    }

    function test_leaves_the_seller_at_least_one_unit() public {
        createDisputed(ID);
        resolveSplit(ID, AMOUNT - 1);
        expectMoney(0, 1, AMOUNT - 1);
    }

    function test_refuses_nothing_everything_and_more() public {
        createDisputed(ID);
        uint88[4] memory wrong = [0, AMOUNT, AMOUNT + 1, type(uint88).max];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectError(abi.encodeWithSelector(SplitOutOfRange.selector, ID, wrong[i], AMOUNT));
            resolveSplit(ID, wrong[i]);
        }
        expectMoney(AMOUNT, 0, 0);
    }

    function test_an_escrow_of_one_unit_cannot_be_split() public {
        Terms memory t = custody(ID);
        t.amount = 1;
        create(t);
        vm.prank(ARBITER);
        escrow.hold(ID, REASON);
        expectError(abi.encodeWithSelector(SplitOutOfRange.selector, ID, 1, 1));
        resolveSplit(ID, 1);
    }

    function test_is_never_paused() public {
        createDisputed(ID);
        pause(3);
        resolveSplit(ID, 5);
        expectMoney(0, AMOUNT - 5, 5);
    }

    function test_one_blocked_wallet_pays_neither_part() public {
        createDisputed(ID);
        vm.prank(ADMIN);
        token.blacklist(PAYOUT);
        expectError(
            abi.encodeWithSignature("Error(string)", "Blacklistable: account is blacklisted")
        );
        resolveSplit(ID, 5);
        expectState(ID, State.Disputed);
        expectMoney(AMOUNT, 0, 0);
    }

    function testFuzz_parts_add_up(uint88 amount, uint88 buyer) public {
        amount = uint88(between(amount, 2, FUNDS));
        buyer = uint88(between(buyer, 1, amount - 1));
        Terms memory t = custody(ID);
        t.amount = amount;
        create(t);
        vm.prank(ARBITER);
        escrow.hold(ID, REASON);
        resolveSplit(ID, buyer);
        expectMoney(0, amount - buyer, buyer);
    }

    function resolveSplit(bytes32 id, uint88 buyerAmount) private {
        vm.prank(ARBITER);
        escrow.resolveSplit(id, buyerAmount, NOTE);
    }
}
