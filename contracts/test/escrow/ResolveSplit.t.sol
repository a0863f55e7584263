// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

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

    function testFuzz_takes_parts_within_the_amount_only(uint88 buyer) public {
        createDisputed(ID);
        bool good = buyer > 0 && buyer < AMOUNT;
        if (!good) {
            expectError(abi.encodeWithSelector(SplitOutOfRange.selector, ID, buyer, AMOUNT));
        }
        resolveSplit(ID, buyer);
        if (good) expectMoney(0, AMOUNT - buyer, buyer);
        else expectMoney(AMOUNT, 0, 0);
    }

    function resolveSplit(bytes32 id, uint88 buyerAmount) private {
        vm.prank(ARBITER);
        escrow.resolveSplit(id, buyerAmount, NOTE);
    }
}
