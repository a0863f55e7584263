// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract WalletsTest is EscrowFixture {
    address private constant NEW_PAYOUT = address(0x9A02);
    address private constant NEW_REFUND = address(0x4E02);

    function test_change_after_the_delay() public {
        expectEvent();
        emit WalletsProposed(NEW_PAYOUT, NEW_REFUND, START + 2 days);
        propose(NEW_PAYOUT, NEW_REFUND);
        vm.assertEq(escrow.payout(), PAYOUT, "payout unchanged");
        expectProposal(NEW_PAYOUT, NEW_REFUND, START + 2 days);

        vm.warp(START + 2 days - 1);
        expectError(
            abi.encodeWithSelector(WalletsTooEarly.selector, START + 2 days, START + 2 days - 1)
        );
        accept();
        vm.warp(START + 2 days);
        expectEvent();
        emit WalletsChanged(NEW_PAYOUT, NEW_REFUND);
        accept();
        vm.assertEq(escrow.payout(), NEW_PAYOUT, "payout");
        vm.assertEq(escrow.refund(), NEW_REFUND, "refund");
        expectProposal(address(0), address(0), 0);
    }

    function test_open_escrows_pay_to_the_new_wallets() public {
        create(custody(ID));
        createDisputed(ID2);
        propose(NEW_PAYOUT, NEW_REFUND);
        vm.warp(END);
        accept();
        vm.prank(RELAYER);
        escrow.release(ID);
        vm.prank(ARBITER);
        escrow.resolveRevert(ID2, NOTE);
        vm.assertEq(token.balanceOf(NEW_PAYOUT), AMOUNT, "payout");
        vm.assertEq(token.balanceOf(NEW_REFUND), AMOUNT, "refund");
        vm.assertEq(escrow.held(), 0, "held");
    }

    function test_a_new_proposal_starts_the_delay_again() public {
        propose(NEW_PAYOUT, NEW_REFUND);
        vm.warp(START + 1 days);
        propose(NEW_REFUND, NEW_PAYOUT);
        vm.warp(START + 2 days);
        expectError(
            abi.encodeWithSelector(WalletsTooEarly.selector, START + 3 days, START + 2 days)
        );
        accept();
    }

    function test_a_proposal_is_accepted_once() public {
        expectError(abi.encodeWithSelector(WalletsNotProposed.selector));
        accept();
        propose(NEW_PAYOUT, NEW_REFUND);
        vm.warp(START + 2 days);
        accept();
        expectError(abi.encodeWithSelector(WalletsNotProposed.selector));
        accept();
    }

    function test_a_forgotten_proposal_expires_and_can_be_made_again() public {
        propose(NEW_PAYOUT, NEW_REFUND);
        uint256 until = START + 2 days + 14 days;
        vm.warp(until);
        expectError(abi.encodeWithSelector(WalletsTooLate.selector, until, until));
        accept();
        vm.assertEq(escrow.payout(), PAYOUT, "payout unchanged");
        expectProposal(NEW_PAYOUT, NEW_REFUND, START + 2 days);
        propose(NEW_PAYOUT, NEW_REFUND);
        vm.warp(until + 2 days);
        accept();
        vm.assertEq(escrow.payout(), NEW_PAYOUT, "payout");
    }

    function test_a_proposal_is_good_until_the_last_second_of_its_window() public {
        propose(NEW_PAYOUT, NEW_REFUND);
        vm.warp(START + 2 days + 14 days - 1);
        accept();
        vm.assertEq(escrow.refund(), NEW_REFUND, "refund");
    }

    function test_refuses_wallets_that_would_trap_money() public {
        address[3] memory wrong = [address(0), address(escrow), address(token)];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectError(abi.encodeWithSelector(WalletInvalid.selector, wrong[i]));
            propose(wrong[i], NEW_REFUND);
            expectError(abi.encodeWithSelector(WalletInvalid.selector, wrong[i]));
            propose(NEW_PAYOUT, wrong[i]);
        }
        expectProposal(address(0), address(0), 0);
    }

    function testFuzz_any_other_wallets_after_the_delay_only(
        address payout,
        address refund,
        uint40 time
    ) public {
        vm.assume(payout != address(0) && payout != address(escrow) && payout != address(token));
        vm.assume(refund != address(0) && refund != address(escrow) && refund != address(token));
        propose(payout, refund);
        time = uint40(between(time, START, START + 20 days));
        vm.warp(time);
        bool early = time < START + 2 days;
        bool late = time >= START + 16 days;
        if (early) {
            expectError(abi.encodeWithSelector(WalletsTooEarly.selector, START + 2 days, time));
        } else if (late) {
            expectError(abi.encodeWithSelector(WalletsTooLate.selector, START + 16 days, time));
        }
        accept();
        vm.assertEq(escrow.payout(), early || late ? PAYOUT : payout, "payout");
        vm.assertEq(escrow.refund(), early || late ? REFUND : refund, "refund");
    }

    function test_payout_and_refund_may_be_one_wallet() public {
        propose(NEW_PAYOUT, NEW_PAYOUT);
        vm.warp(START + 2 days);
        accept();
        vm.assertEq(escrow.payout(), NEW_PAYOUT, "payout");
        vm.assertEq(escrow.refund(), NEW_PAYOUT, "refund");
    }

    function expectProposal(address payout, address refund, uint256 time) private view {
        (address p, address r, uint256 t) = escrow.proposedWallets();
        vm.assertEq(p, payout, "proposed payout");
        vm.assertEq(r, refund, "proposed refund");
        vm.assertEq(t, time, "acceptableAt");
    }

    function propose(address payout, address refund) private {
        vm.prank(ADMIN);
        escrow.proposeWallets(payout, refund);
    }

    function accept() private {
        vm.prank(ADMIN);
        escrow.acceptWallets();
    }
}
