// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

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

    function testFuzz_returns_exactly_the_amount_at_any_time(uint88 amount, uint40 time) public {
        Terms memory t = custody(ID);
        t.amount = uint88(between(amount, 1, FUNDS - AMOUNT));
        create(t);
        createDisputed(ID2);
        vm.prank(ARBITER);
        escrow.hold(ID, REASON);
        vm.warp(between(time, START, uint256(END) + 365 days));
        resolveRevert(ID);
        expectMoney(AMOUNT, 0, t.amount);
    }

    function resolveRevert(bytes32 id) private {
        vm.prank(ARBITER);
        escrow.resolveRevert(id, NOTE);
    }
}
