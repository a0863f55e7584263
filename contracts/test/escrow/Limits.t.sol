// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

/// @notice The published limits as numbers: elsewhere the tests ask the contract for them.
contract LimitsTest is EscrowFixture {
    function test_limits_are_those_promised() public view {
        vm.assertEq(escrow.MAX_CUSTODY(), 94_694_400, "three years in seconds, one of them leap");
        vm.assertEq(escrow.MAX_ROUNDS(), 3, "disputes of the parties");
        vm.assertEq(escrow.MAX_BATCH(), 500, "entries of a batch");
        vm.assertEq(escrow.PAUSE_TIME(), 604_800, "seven days");
        vm.assertEq(escrow.WALLET_DELAY(), 172_800, "two days");
    }
}
