// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract HoldTest is EscrowFixture {
    function test_freezes_in_the_arbiters_name() public {
        create(custody(ID));
        expectEvent();
        emit DisputeRaised(ID, uint8(Party.Arbiter), 1, REASON);
        hold(ID);
        vm.assertEq(uint256(escrow.escrow(ID).party), uint256(Party.Arbiter), "party");
        expectState(ID, State.Disputed);
    }

    function test_is_over_at_the_end() public {
        create(custody(ID));
        vm.warp(END);
        expectError(abi.encodeWithSelector(CustodyEnded.selector, ID, END, END));
        hold(ID);
    }

    function test_stays_open_when_the_parties_rounds_are_used_up() public {
        create(custody(ID));
        for (uint256 round = 0; round < 255; ++round) {
            hold(ID);
            vm.prank(ARBITER);
            escrow.dismiss(ID, NOTE);
        }
        vm.assertEq(escrow.escrow(ID).round, 255, "round");
        expectError(abi.encodeWithSelector(TooManyRounds.selector, ID, 255));
        hold(ID);
    }

    function test_is_never_paused() public {
        create(custody(ID));
        pause(3);
        hold(ID);
        expectState(ID, State.Disputed);
    }

    function testFuzz_is_open_exactly_before_the_end(uint40 time) public {
        time = uint40(between(time, START, uint256(END) + 1 days));
        create(custody(ID));
        vm.warp(time);
        expectEndedFrom(time);
        hold(ID);
        expectState(ID, time >= END ? State.Active : State.Disputed);
    }

    function hold(bytes32 id) private {
        vm.prank(ARBITER);
        escrow.hold(id, REASON);
    }
}
