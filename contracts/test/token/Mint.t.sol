// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {TestMXNB} from "../../src/TestMXNB.sol";
import {TestMXNBBase} from "../../src/TestMXNBBase.sol";
import {TokenFixture} from "../support/TokenFixture.sol";
import {vm} from "../support/Vm.sol";

contract MintTest is TokenFixture {
    function test_mint_creates_money_within_the_allowance() public {
        expectEvent();
        emit TestMXNB.Mint(MINTER, BOB, 5);
        expectEvent();
        emit TestMXNBBase.Transfer(address(0), BOB, 5);
        vm.prank(MINTER);
        token.mint(BOB, 5);
        vm.assertEq(token.totalSupply(), FUNDS + 5, "supply");
        vm.assertEq(token.minterAllowance(MINTER), 9 * FUNDS - 5, "allowance left");
    }

    function test_mint_refuses_more_than_the_allowance() public {
        vm.prank(MINTER);
        expectRevert("FiatToken: mint amount exceeds minterAllowance");
        token.mint(BOB, 9 * FUNDS + 1);
    }

    function test_mint_refuses_zero_strangers_and_nowhere() public {
        vm.prank(alice);
        expectRevert("FiatToken: caller is not a minter");
        token.mint(alice, 1);
        vm.startPrank(MINTER);
        expectRevert("FiatToken: mint amount not greater than 0");
        token.mint(BOB, 0);
        expectRevert("FiatToken: mint to the zero address");
        token.mint(address(0), 1);
        vm.stopPrank();
    }

    function test_burn_destroys_the_minters_own_money() public {
        vm.startPrank(MINTER);
        token.mint(MINTER, 5);
        expectEvent();
        emit TestMXNB.Burn(MINTER, 3);
        expectEvent();
        emit TestMXNBBase.Transfer(MINTER, address(0), 3);
        token.burn(3);
        vm.assertEq(token.balanceOf(MINTER), 2, "balance");
        vm.assertEq(token.totalSupply(), FUNDS + 2, "supply");
        expectRevert("FiatToken: burn amount exceeds balance");
        token.burn(3);
        expectRevert("FiatToken: burn amount not greater than 0");
        token.burn(0);
        vm.stopPrank();
        vm.prank(alice);
        expectRevert("FiatToken: caller is not a minter");
        token.burn(1);
    }

    function test_pause_stops_mint_burn_and_configuration() public {
        pauseToken();
        vm.startPrank(MINTER);
        expectRevert("Pausable: paused");
        token.mint(BOB, 1);
        expectRevert("Pausable: paused");
        token.burn(1);
        vm.stopPrank();
        vm.prank(OWNER);
        expectRevert("Pausable: paused");
        token.configureMinter(BOB, 1);
    }

    function test_blocked_minter_and_payee() public {
        blacklist(BOB);
        vm.prank(MINTER);
        expectRevert("Blacklistable: account is blacklisted");
        token.mint(BOB, 1);
        blacklist(MINTER);
        vm.startPrank(MINTER);
        expectRevert("Blacklistable: account is blacklisted");
        token.mint(alice, 1);
        expectRevert("Blacklistable: account is blacklisted");
        token.burn(1);
        vm.stopPrank();
    }

    function test_only_the_master_minter_configures() public {
        expectRevert("FiatToken: caller is not the masterMinter");
        token.configureMinter(BOB, 1);
        expectRevert("FiatToken: caller is not the masterMinter");
        token.removeMinter(MINTER);
        expectEvent();
        emit TestMXNB.MinterRemoved(MINTER);
        vm.prank(OWNER);
        token.removeMinter(MINTER);
        vm.assertFalse(token.isMinter(MINTER), "isMinter");
        vm.prank(MINTER);
        expectRevert("FiatToken: caller is not a minter");
        token.mint(BOB, 1);
    }

    function test_roles_are_handed_on_by_the_owner_only() public {
        expectRevert("Ownable: caller is not the owner");
        token.updateMasterMinter(BOB);
        expectRevert("Ownable: caller is not the owner");
        token.updatePauser(BOB);
        expectRevert("Ownable: caller is not the owner");
        token.updateBlacklister(BOB);
        expectRevert("Ownable: caller is not the owner");
        token.transferOwnership(BOB);

        vm.startPrank(OWNER);
        token.updateMasterMinter(BOB);
        token.updatePauser(BOB);
        token.updateBlacklister(BOB);
        token.transferOwnership(CAROL);
        expectRevert("Pausable: caller is not the pauser");
        token.pause();
        expectRevert("Blacklistable: caller is not the blacklister");
        token.blacklist(alice);
        expectRevert("FiatToken: caller is not the masterMinter");
        token.configureMinter(alice, 1);
        vm.stopPrank();
        vm.startPrank(BOB);
        token.pause();
        token.unpause();
        token.blacklist(alice);
        token.configureMinter(alice, 1);
        vm.stopPrank();
        vm.assertEq(token.owner(), CAROL, "owner");
    }

    function test_roles_are_never_handed_to_nobody() public {
        vm.startPrank(OWNER);
        expectRevert("FiatToken: new masterMinter is the zero address");
        token.updateMasterMinter(address(0));
        expectRevert("Pausable: new pauser is the zero address");
        token.updatePauser(address(0));
        expectRevert("Blacklistable: new blacklister is the zero address");
        token.updateBlacklister(address(0));
        expectRevert("Ownable: new owner is the zero address");
        token.transferOwnership(address(0));
        vm.stopPrank();
    }
}
