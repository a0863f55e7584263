// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract PauseTest is EscrowFixture {
    function test_sets_bits_until_a_week_from_now() public {
        expectEvent();
        emit PauseSet(1, START + 7 days, GUARDIAN);
        pause(1);
        expectPause(1, START + 7 days);
    }

    function test_ends_by_itself() public {
        pause(3);
        vm.warp(START + 7 days - 1);
        expectPause(3, START + 7 days);
        vm.warp(START + 7 days);
        expectPause(0, 0);
    }

    function test_more_bits_do_not_move_the_end() public {
        pause(1);
        vm.warp(START + 6 days);
        expectEvent();
        emit PauseSet(3, START + 7 days, GUARDIAN);
        pause(2);
        expectPause(3, START + 7 days);
        pause(3);
        expectPause(3, START + 7 days);
    }

    function test_a_new_pause_forgets_the_bits_of_an_ended_one() public {
        pause(3);
        vm.warp(START + 7 days);
        pause(2);
        expectPause(2, START + 14 days);
    }

    function test_refuses_no_bits_and_unknown_bits() public {
        uint8[3] memory wrong = [0, 4, 255];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectError(abi.encodeWithSelector(PauseBitsInvalid.selector, wrong[i]));
            pause(wrong[i]);
        }
        expectPause(0, 0);
    }

    function test_the_admin_lifts_it_before_its_end() public {
        pause(3);
        expectEvent();
        emit PauseSet(0, 0, ADMIN);
        vm.prank(ADMIN);
        escrow.unpause();
        expectPause(0, 0);
        create(custody(ID));
        expectState(ID, State.Active);
    }

    function testFuzz_takes_the_two_bits_and_lasts_a_week(uint8 bits, uint40 time) public {
        bool good = bits > 0 && bits < 4;
        if (!good) expectError(abi.encodeWithSelector(PauseBitsInvalid.selector, bits));
        pause(bits);
        time = uint40(between(time, START, START + 30 days));
        vm.warp(time);
        bool on = good && time < START + 7 days;
        expectPause(on ? bits : 0, on ? START + 7 days : 0);
    }

    function testFuzz_a_running_pause_cannot_be_made_longer(uint40 second, uint40 third) public {
        pause(1);
        second = uint40(between(second, START, START + 7 days - 1));
        vm.warp(second);
        pause(2);
        vm.warp(between(third, second, START + 7 days - 1));
        pause(1);
        expectPause(3, START + 7 days);
    }

    function test_the_admin_may_lift_what_is_not_set() public {
        expectEvent();
        emit PauseSet(0, 0, ADMIN);
        vm.prank(ADMIN);
        escrow.unpause();
        expectPause(0, 0);
    }

    function expectPause(uint256 bits, uint256 until) private view {
        (uint8 found, uint256 end) = escrow.paused();
        vm.assertEq(found, bits, "bits");
        vm.assertEq(end, until, "until");
    }
}
