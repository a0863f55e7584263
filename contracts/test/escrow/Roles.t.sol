// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract RolesTest is EscrowFixture {
    function test_relayer_calls_are_closed_to_all_others() public {
        bytes[] memory calls = new bytes[](7);
        calls[0] = abi.encodeCall(escrow.create, custody(ID));
        calls[1] = abi.encodeCall(escrow.createMany, new Terms[](1));
        calls[2] = abi.encodeCall(escrow.createWithAuthorization, (custody(ID), 0, ""));
        calls[3] = abi.encodeCall(escrow.release, ID);
        calls[4] = abi.encodeCall(escrow.releaseMany, ids(ID, ID2, ID3));
        calls[5] = abi.encodeCall(escrow.refundExpired, ID);
        calls[6] = abi.encodeCall(escrow.dispute, (ID, Party.Buyer, REASON));
        closedToAllBut(RELAYER, escrow.RELAYER(), calls);
    }

    function test_arbiter_calls_are_closed_to_all_others() public {
        bytes[] memory calls = new bytes[](5);
        calls[0] = abi.encodeCall(escrow.hold, (ID, REASON));
        calls[1] = abi.encodeCall(escrow.dismiss, (ID, NOTE));
        calls[2] = abi.encodeCall(escrow.resolveRevert, (ID, NOTE));
        calls[3] = abi.encodeCall(escrow.resolveSplit, (ID, 1, NOTE));
        calls[4] = abi.encodeCall(escrow.releaseEarly, ID);
        closedToAllBut(ARBITER, escrow.ARBITER(), calls);
    }

    function test_pause_is_closed_to_all_but_the_guardian() public {
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(escrow.pause, 1);
        closedToAllBut(GUARDIAN, escrow.GUARDIAN(), calls);
    }

    function test_admin_calls_are_closed_to_all_others() public {
        bytes[] memory calls = new bytes[](5);
        calls[0] = abi.encodeCall(escrow.unpause, ());
        calls[1] = abi.encodeCall(escrow.proposeWallets, (STRANGER, STRANGER));
        calls[2] = abi.encodeCall(escrow.acceptWallets, ());
        calls[3] = abi.encodeCall(escrow.rescue, (IERC20(address(token)), STRANGER, 0));
        calls[4] = abi.encodeCall(escrow.grantRole, (escrow.GUARDIAN(), STRANGER));
        closedToAllBut(ADMIN, escrow.DEFAULT_ADMIN_ROLE(), calls);
    }

    function test_the_relayer_never_becomes_arbiter_or_admin() public {
        refusesGrant(escrow.ARBITER(), RELAYER, escrow.RELAYER());
        refusesGrant(escrow.RELAYER(), ARBITER, escrow.ARBITER());
        refusesGrant(escrow.RELAYER(), ADMIN, escrow.DEFAULT_ADMIN_ROLE());
    }

    function test_the_relayer_cannot_accept_the_admin_role() public {
        bytes memory conflict = abi.encodeWithSelector(
            RoleConflict.selector, RELAYER, escrow.DEFAULT_ADMIN_ROLE(), escrow.RELAYER()
        );
        vm.prank(ADMIN);
        escrow.beginDefaultAdminTransfer(RELAYER);
        vm.warp(START + 2 days + 1);
        vm.prank(RELAYER);
        expectError(conflict);
        escrow.acceptDefaultAdminTransfer();
        vm.assertEq(escrow.defaultAdmin(), ADMIN, "admin unchanged");
    }

    function test_one_key_may_change_sides_after_giving_up_the_other() public {
        bytes32 relayer = escrow.RELAYER();
        bytes32 arbiter = escrow.ARBITER();
        vm.startPrank(ADMIN);
        escrow.revokeRole(relayer, RELAYER);
        escrow.grantRole(arbiter, RELAYER);
        vm.stopPrank();
        vm.assertTrue(escrow.hasRole(arbiter, RELAYER), "arbiter");
    }

    function test_a_lost_arbiter_can_be_replaced() public {
        createDisputed(ID);
        bytes32 arbiter = escrow.ARBITER();
        vm.startPrank(ADMIN);
        escrow.revokeRole(arbiter, ARBITER);
        escrow.grantRole(arbiter, STRANGER);
        vm.stopPrank();
        vm.prank(ARBITER);
        expectUnauthorized(ARBITER, arbiter);
        escrow.dismiss(ID, NOTE);
        vm.prank(STRANGER);
        escrow.dismiss(ID, NOTE);
        expectState(ID, State.Active);
    }

    function test_the_admin_role_changes_hands_only_after_the_delay() public {
        vm.prank(ADMIN);
        escrow.beginDefaultAdminTransfer(STRANGER);
        vm.warp(START + 2 days);
        vm.prank(STRANGER);
        expectError(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminDelay.selector,
                uint48(START + 2 days)
            )
        );
        escrow.acceptDefaultAdminTransfer();
        vm.warp(START + 2 days + 1);
        vm.prank(STRANGER);
        escrow.acceptDefaultAdminTransfer();
        vm.assertEq(escrow.defaultAdmin(), STRANGER, "admin");
    }

    /// @dev Neither the way of the library (a transfer to nobody, then to renounce) nor any other.
    function test_the_admin_role_cannot_be_given_to_nobody() public {
        bytes32 role = escrow.DEFAULT_ADMIN_ROLE();
        bytes memory rules = abi.encodeWithSelector(
            IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminRules.selector
        );
        vm.startPrank(ADMIN);
        expectError(abi.encodeWithSelector(AdminRequired.selector));
        escrow.beginDefaultAdminTransfer(address(0));
        vm.warp(START + 30 days);
        expectError(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminDelay.selector,
                uint48(0)
            )
        );
        escrow.renounceRole(role, ADMIN);
        expectError(rules);
        escrow.revokeRole(role, ADMIN);
        vm.stopPrank();
        vm.assertEq(escrow.defaultAdmin(), ADMIN, "admin");
    }

    function test_a_begun_transfer_can_be_taken_back_and_not_turned_to_nobody() public {
        vm.startPrank(ADMIN);
        escrow.beginDefaultAdminTransfer(STRANGER);
        expectError(abi.encodeWithSelector(AdminRequired.selector));
        escrow.beginDefaultAdminTransfer(address(0));
        (address next,) = escrow.pendingDefaultAdmin();
        vm.assertEq(next, STRANGER, "the begun transfer stays");
        escrow.cancelDefaultAdminTransfer();
        vm.stopPrank();
        vm.warp(START + 30 days);
        expectError(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, STRANGER
            )
        );
        vm.prank(STRANGER);
        escrow.acceptDefaultAdminTransfer();
        vm.assertEq(escrow.defaultAdmin(), ADMIN, "admin");
    }

    function testFuzz_nobody_without_a_role_gets_anywhere(address who, uint256 seed) public {
        vm.assume(who != ADMIN && who != RELAYER && who != ARBITER && who != GUARDIAN);
        createDisputed(ID);
        create(custody(ID2));
        bytes[8] memory calls = [
            abi.encodeCall(escrow.create, custody(ID3)),
            abi.encodeCall(escrow.release, ID2),
            abi.encodeCall(escrow.releaseEarly, ID2),
            abi.encodeCall(escrow.resolveRevert, (ID, NOTE)),
            abi.encodeCall(escrow.resolveSplit, (ID, 1, NOTE)),
            abi.encodeCall(escrow.pause, 3),
            abi.encodeCall(escrow.proposeWallets, (STRANGER, STRANGER)),
            abi.encodeCall(escrow.rescue, (IERC20(address(token)), STRANGER, 0))
        ];
        // The early release is open before the end, the release from it on.
        vm.warp(seed % 2 == 0 ? START : END);
        vm.prank(who);
        (bool done,) = address(escrow).call(calls[(seed >> 8) % calls.length]);
        vm.assertFalse(done, "a call without a role went through");
        expectMoney(2 * uint256(AMOUNT), 0, 0);
    }

    function refusesGrant(bytes32 role, address account, bytes32 other) private {
        vm.prank(ADMIN);
        expectError(abi.encodeWithSelector(RoleConflict.selector, account, role, other));
        escrow.grantRole(role, account);
        vm.assertFalse(escrow.hasRole(role, account), "granted");
    }

    function closedToAllBut(address holder, bytes32 role, bytes[] memory calls) private {
        address[6] memory all = [ADMIN, RELAYER, ARBITER, GUARDIAN, funder, STRANGER];
        for (uint256 i = 0; i < all.length; ++i) {
            if (all[i] == holder) continue;
            for (uint256 j = 0; j < calls.length; ++j) {
                vm.prank(all[i]);
                expectUnauthorized(all[i], role);
                (bool done,) = address(escrow).call(calls[j]);
                // With an expected revert the cheat code turns the flag: true means "as expected".
                vm.assertTrue(done, "expected revert");
            }
        }
    }
}
