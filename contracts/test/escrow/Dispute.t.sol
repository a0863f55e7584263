// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract DisputeTest is EscrowFixture {
    function test_freezes_until_one_second_before_the_end() public {
        create(custody(ID));
        vm.warp(END - 1);
        expectEvent();
        emit DisputeRaised(ID, uint8(Party.Buyer), 1, REASON);
        dispute(ID, Party.Buyer);
        Escrow memory e = escrow.escrow(ID);
        vm.assertEq(uint256(e.state), uint256(State.Disputed), "state");
        vm.assertEq(e.disputedAt, END - 1, "disputedAt");
        vm.assertEq(uint256(e.party), uint256(Party.Buyer), "party");
        vm.assertEq(e.round, 1, "round");
        vm.assertEq(e.amount, AMOUNT, "amount unchanged");
        vm.assertEq(e.custodyEnd, END, "end unchanged");
        expectMoney(AMOUNT, 0, 0);
    }

    function test_is_over_at_the_end() public {
        create(custody(ID));
        vm.warp(END);
        expectError(abi.encodeWithSelector(CustodyEnded.selector, ID, END, END));
        dispute(ID, Party.Buyer);
    }

    function test_is_for_the_buyer_and_the_seller_only() public {
        create(custody(ID));
        expectError(abi.encodeWithSelector(PartyInvalid.selector, ID, Party.None));
        dispute(ID, Party.None);
        expectError(abi.encodeWithSelector(PartyInvalid.selector, ID, Party.Arbiter));
        dispute(ID, Party.Arbiter);
        dispute(ID, Party.Seller);
        vm.assertEq(uint256(escrow.escrow(ID).party), uint256(Party.Seller), "party");
    }

    function test_has_a_fixed_number_of_rounds() public {
        create(custody(ID));
        for (uint256 round = 1; round <= escrow.MAX_ROUNDS(); ++round) {
            expectEvent();
            emit DisputeRaised(ID, uint8(Party.Buyer), round, REASON);
            dispute(ID, Party.Buyer);
            vm.prank(ARBITER);
            escrow.dismiss(ID, NOTE);
        }
        expectError(abi.encodeWithSelector(TooManyRounds.selector, ID, escrow.MAX_ROUNDS()));
        dispute(ID, Party.Buyer);
    }

    function test_is_never_paused_and_asks_no_token() public {
        create(custody(ID));
        pause(3);
        vm.prank(ADMIN);
        token.pause();
        dispute(ID, Party.Buyer);
        expectState(ID, State.Disputed);
    }

    function testFuzz_is_open_exactly_before_the_end(uint40 time) public {
        time = uint40(between(time, START, uint256(END) + 1 days));
        create(custody(ID));
        vm.warp(time);
        expectEndedFrom(time);
        dispute(ID, Party.Buyer);
        expectState(ID, time >= END ? State.Active : State.Disputed);
    }

    function testFuzz_takes_the_two_parties_and_no_other(uint8 party) public {
        create(custody(ID));
        bytes memory call =
            abi.encodePacked(escrow.dispute.selector, abi.encode(ID, uint256(party), REASON));
        vm.prank(RELAYER);
        (bool done,) = address(escrow).call(call);
        bool good = party == uint8(Party.Buyer) || party == uint8(Party.Seller);
        vm.assertTrue(done == good, "party");
        vm.assertEq(uint256(escrow.escrow(ID).party), good ? party : 0, "party kept");
        expectState(ID, good ? State.Disputed : State.Active);
    }

    function dispute(bytes32 id, Party party) private {
        vm.prank(RELAYER);
        escrow.dispute(id, party, REASON);
    }
}
