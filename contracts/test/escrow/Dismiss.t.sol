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

    function testFuzz_changes_the_state_alone(uint40 time, bool lock) public {
        create(lock ? burnLock(ID) : custody(ID));
        vm.prank(RELAYER);
        escrow.dispute(ID, Party.Seller, REASON);
        Escrow memory wanted = escrow.escrow(ID);
        wanted.state = State.Active;
        vm.warp(between(time, START, uint256(END) + 365 days));
        vm.prank(ARBITER);
        escrow.dismiss(ID, NOTE);
        vm.assertEq(
            keccak256(abi.encode(escrow.escrow(ID))), keccak256(abi.encode(wanted)), "escrow"
        );
        expectMoney(AMOUNT, 0, 0);
    }
}
