// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {vm} from "../support/Vm.sol";
import {HostileFixture} from "./HostileFixture.sol";

/// @notice A token that calls back from within each call that moves money, into each call there is.
/// It holds every role one address can hold, so that only the lock stands in its way.
contract ReentrancyTest is HostileFixture {
    function test_no_money_moves_inside_a_movement_with_the_relayers_role() public {
        vm.startPrank(ADMIN);
        escrow.grantRole(escrow.RELAYER(), address(coin));
        escrow.grantRole(escrow.GUARDIAN(), address(coin));
        vm.stopPrank();
        uint256 locked = eachIntoEach();
        vm.assertEq(locked, CALLS * 7, "seven of the relayer's calls meet the lock");
    }

    function test_no_money_moves_inside_a_movement_with_the_deciding_roles() public {
        escrow = construct(
            abi.encode(IERC20(address(coin)), funder, address(coin), 2 days, PAYOUT, REFUND)
        );
        vm.startPrank(address(coin));
        escrow.grantRole(escrow.RELAYER(), RELAYER);
        escrow.grantRole(escrow.ARBITER(), ARBITER);
        escrow.grantRole(escrow.ARBITER(), address(coin));
        escrow.grantRole(escrow.GUARDIAN(), address(coin));
        vm.stopPrank();
        vm.warp(START);
        fill();
        uint256 locked = eachIntoEach();
        vm.assertEq(locked, CALLS * 4, "three of the arbiter's calls and the rescue meet the lock");
    }

    /// @dev Calls that move no money are not behind the lock. They may be made from inside, by who
    /// has the role, and change nothing of the movement under way.
    function test_calls_without_money_do_not_disturb_a_movement() public {
        vm.startPrank(ADMIN);
        escrow.grantRole(escrow.RELAYER(), address(coin));
        escrow.grantRole(escrow.GUARDIAN(), address(coin));
        vm.stopPrank();
        coin.arm(address(escrow), abi.encodeCall(escrow.pause, 3));
        expectExact(moneyCalls()[3]);
        vm.assertTrue(coin.entered(), "paused from inside");
        coin.arm(address(escrow), abi.encodeCall(escrow.dispute, (id(5), Party.Buyer, REASON)));
        expectExact(moneyCalls()[6]);
        vm.assertFalse(coin.entered(), "what is being paid cannot be disputed");
        expectState(id(5), State.Reverted);
    }

    /// @return locked how many calls from inside were refused by the lock itself.
    function eachIntoEach() private returns (uint256 locked) {
        MoneyCall[CALLS] memory outer = moneyCalls();
        bytes[] memory inner = innerCalls();
        for (uint256 i = 0; i < CALLS; ++i) {
            for (uint256 j = 0; j < inner.length; ++j) {
                uint256 state = vm.snapshotState();
                coin.arm(address(escrow), inner[j]);
                expectExact(outer[i]);
                vm.assertTrue(coin.tried(), "the token called back");
                bool refused = !coin.entered();
                bytes4 why = bytes4(coin.returned());
                vm.revertToState(state);
                vm.assertTrue(refused || j >= CALLS, "money moved inside a movement");
                if (j >= CALLS) continue;
                if (why == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector) {
                    ++locked;
                } else {
                    expectRoleRefusal(why);
                }
            }
        }
    }

    function expectRoleRefusal(bytes4 why) private pure {
        vm.assertEq(
            bytes32(why),
            bytes32(IAccessControl.AccessControlUnauthorizedAccount.selector),
            "refused by the role"
        );
    }

    /// @dev First the calls that move money, then the rest.
    function innerCalls() private view returns (bytes[] memory list) {
        MoneyCall[CALLS] memory money = moneyCalls();
        list = new bytes[](CALLS + 8);
        for (uint256 i = 0; i < CALLS; ++i) {
            list[i] = money[i].call;
        }
        list[CALLS] = abi.encodeCall(escrow.dispute, (id(9), Party.Buyer, REASON));
        list[CALLS + 1] = abi.encodeCall(escrow.hold, (id(6), REASON));
        list[CALLS + 2] = abi.encodeCall(escrow.dismiss, (id(8), NOTE));
        list[CALLS + 3] = abi.encodeCall(escrow.pause, 3);
        list[CALLS + 4] = abi.encodeCall(escrow.unpause, ());
        list[CALLS + 5] = abi.encodeCall(escrow.proposeWallets, (OTHER, OTHER));
        list[CALLS + 6] = abi.encodeCall(escrow.acceptWallets, ());
        list[CALLS + 7] = abi.encodeCall(escrow.grantRole, (bytes32(uint256(1)), OTHER));
    }
}
