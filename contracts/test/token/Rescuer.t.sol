// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {TestMXNB} from "../../src/TestMXNB.sol";
import {TestMXNBBase} from "../../src/TestMXNBBase.sol";
import {ShiftingToken} from "../support/ShiftingToken.sol";
import {ProxiedToken} from "../support/ProxiedToken.sol";
import {TokenFixture} from "../support/TokenFixture.sol";
import {vm} from "../support/Vm.sol";

/// @notice Refuses without a word.
contract SilentToken {
    fallback() external {
        revert();
    }
}

contract RescuerTest is TokenFixture {
    address private constant RESCUER = address(0x4E5C);

    function test_there_is_none_until_the_owner_names_one() public {
        vm.assertEq(token.rescuer(), address(0), "none");
        expectRevert("Ownable: caller is not the owner");
        token.updateRescuer(RESCUER);
        vm.startPrank(OWNER);
        expectRevert("Rescuable: new rescuer is the zero address");
        token.updateRescuer(address(0));
        expectEvent();
        emit TestMXNBBase.RescuerChanged(RESCUER);
        token.updateRescuer(RESCUER);
        vm.stopPrank();
        vm.assertEq(token.rescuer(), RESCUER, "named");
    }

    function test_takes_out_another_token_also_while_paused() public {
        TestMXNB other = stray(9);
        name();
        pauseToken();
        vm.prank(RESCUER);
        token.rescueERC20(address(other), BOB, 9);
        vm.assertEq(other.balanceOf(BOB), 9, "rescued");
    }

    function test_nobody_else_does() public {
        TestMXNB other = stray(9);
        name();
        vm.prank(OWNER);
        expectRevert("Rescuable: caller is not the rescuer");
        token.rescueERC20(address(other), BOB, 9);
    }

    function test_says_what_the_other_token_said() public {
        TestMXNB other = stray(9);
        address refusing = address(new ShiftingToken());
        ShiftingToken(refusing).setAnswer(ShiftingToken.Answer.False);
        address silent = address(new SilentToken());
        name();
        vm.startPrank(RESCUER);
        expectRevert("ERC20: transfer amount exceeds balance");
        token.rescueERC20(address(other), BOB, 10);
        expectRevert("SafeERC20: ERC20 operation did not succeed");
        token.rescueERC20(refusing, BOB, 1);
        expectRevert("SafeERC20: low-level call failed");
        token.rescueERC20(silent, BOB, 1);
        vm.stopPrank();
    }

    function name() private {
        vm.prank(OWNER);
        token.updateRescuer(RESCUER);
    }

    /// @dev Another token, of which some lies on ours.
    function stray(uint256 amount) private returns (TestMXNB other) {
        other = ProxiedToken.create(OWNER, UPGRADER);
        vm.startPrank(OWNER);
        other.configureMinter(OWNER, amount);
        other.mint(address(token), amount);
        vm.stopPrank();
    }
}
