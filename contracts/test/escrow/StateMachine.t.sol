// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

/// @notice Every call on every state it is not made for. The edges that are legal have their own
/// tests, one file per call.
contract StateMachineTest is EscrowFixture {
    function test_relayer_calls_need_an_active_escrow() public {
        for (uint8 s = 0; s <= uint8(State.Split); ++s) {
            if (State(s) == State.Active) continue;
            refusedBy(RELAYER, State(s), State.Active, abi.encodeCall(escrow.release, ID));
            refusedBy(RELAYER, State(s), State.Active, abi.encodeCall(escrow.refundExpired, ID));
            refusedBy(
                RELAYER,
                State(s),
                State.Active,
                abi.encodeCall(escrow.dispute, (ID, Party.Buyer, REASON))
            );
        }
    }

    function test_hold_and_early_release_need_an_active_escrow() public {
        for (uint8 s = 0; s <= uint8(State.Split); ++s) {
            if (State(s) == State.Active) continue;
            refusedBy(ARBITER, State(s), State.Active, abi.encodeCall(escrow.hold, (ID, REASON)));
            refusedBy(ARBITER, State(s), State.Active, abi.encodeCall(escrow.releaseEarly, ID));
        }
    }

    function test_decisions_need_a_disputed_escrow() public {
        for (uint8 s = 0; s <= uint8(State.Split); ++s) {
            if (State(s) == State.Disputed) continue;
            refusedBy(ARBITER, State(s), State.Disputed, abi.encodeCall(escrow.dismiss, (ID, NOTE)));
            refusedBy(
                ARBITER, State(s), State.Disputed, abi.encodeCall(escrow.resolveRevert, (ID, NOTE))
            );
            refusedBy(
                ARBITER,
                State(s),
                State.Disputed,
                abi.encodeCall(escrow.resolveSplit, (ID, 1, NOTE))
            );
        }
    }

    function test_the_stored_numbers_are_fixed() public pure {
        vm.assertEq(uint256(State.None), 0, "None");
        vm.assertEq(uint256(State.Active), 1, "Active");
        vm.assertEq(uint256(State.Disputed), 2, "Disputed");
        vm.assertEq(uint256(State.Released), 3, "Released");
        vm.assertEq(uint256(State.Reverted), 4, "Reverted");
        vm.assertEq(uint256(State.Split), 5, "Split");
        vm.assertEq(uint256(Party.Buyer), 1, "Buyer");
        vm.assertEq(uint256(Party.Seller), 2, "Seller");
        vm.assertEq(uint256(Party.Arbiter), 3, "Arbiter");
    }

    /// @dev Fresh contracts for each try, so that ID can be brought to any state again.
    function refusedBy(address who, State state, State required, bytes memory call) private {
        setUp();
        reach(ID, state);
        uint256 held = escrow.held();
        vm.prank(who);
        (bool done, bytes memory answer) = address(escrow).call(call);
        vm.assertFalse(done, "call went through");
        bytes memory wanted = abi.encodeWithSelector(WrongState.selector, ID, state, required);
        vm.assertEq(keccak256(answer), keccak256(wanted), "error");
        expectState(ID, state);
        vm.assertEq(escrow.held(), held, "held");
    }
}
