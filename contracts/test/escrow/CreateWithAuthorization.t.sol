// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {EscrowFixture} from "../support/EscrowFixture.sol";
import {vm} from "../support/Vm.sol";

contract CreateWithAuthorizationTest is EscrowFixture {
    function setUp() public override {
        super.setUp();
        vm.prank(funder);
        token.approve(address(escrow), 0);
    }

    function test_locks_without_an_allowance() public {
        Terms memory t = custody(ID);
        bytes memory sig = signed(t, FUNDER_KEY);
        expectEvent();
        emit EscrowCreated(ID, funder, AMOUNT, END, false, TERMS);
        createWith(t, sig);
        expectState(ID, State.Active);
        expectMoney(AMOUNT, 0, 0);
        vm.assertTrue(
            token.authorizationState(funder, keccak256(abi.encode(t))), "authorization used"
        );
    }

    function test_a_signature_binds_every_term() public {
        Terms memory t = custody(ID);
        bytes memory sig = signed(t, FUNDER_KEY);
        Terms[5] memory other = [custody(ID2), custody(ID), custody(ID), burnLock(ID), custody(ID)];
        other[1].amount += 1;
        other[2].custodyEnd += 1;
        other[4].terms = NOTE;
        for (uint256 i = 0; i < 5; ++i) {
            expectError(abi.encodeWithSignature("Error(string)", "FiatTokenV2: invalid signature"));
            createWith(other[i], sig);
        }
        expectMoney(0, 0, 0);
    }

    function test_refuses_another_signer() public {
        Terms memory t = custody(ID);
        bytes memory sig = signed(t, FUNDER_KEY + 1);
        expectError(abi.encodeWithSignature("Error(string)", "FiatTokenV2: invalid signature"));
        createWith(t, sig);
    }

    function test_refuses_an_expired_authorization() public {
        Terms memory t = custody(ID);
        bytes memory sig = signed(t, FUNDER_KEY);
        vm.warp(VALID_BEFORE);
        expectError(
            abi.encodeWithSignature("Error(string)", "FiatTokenV2: authorization is expired")
        );
        createWith(t, sig);
    }

    function test_refuses_a_used_id_before_the_token_is_asked() public {
        Terms memory t = custody(ID);
        bytes memory sig = signed(t, FUNDER_KEY);
        createWith(t, sig);
        expectError(abi.encodeWithSelector(EscrowExists.selector, ID, State.Active));
        createWith(t, sig);
        expectMoney(AMOUNT, 0, 0);
    }

    function test_nobody_can_use_the_authorization_ahead_of_the_escrow() public {
        Terms memory t = custody(ID);
        bytes memory sig = signed(t, FUNDER_KEY);
        bytes32 nonce = keccak256(abi.encode(t));
        address to = address(escrow);
        vm.prank(STRANGER);
        expectError(
            abi.encodeWithSignature("Error(string)", "FiatTokenV2: caller must be the payee")
        );
        token.receiveWithAuthorization(funder, to, AMOUNT, 0, VALID_BEFORE, nonce, sig);
        createWith(t, sig);
        expectState(ID, State.Active);
    }

    function test_stops_while_creates_are_paused() public {
        Terms memory t = custody(ID);
        bytes memory sig = signed(t, FUNDER_KEY);
        pause(escrow.PAUSE_CREATE());
        expectPaused(1);
        createWith(t, sig);
    }

    function testFuzz_other_terms_than_the_signed_ones_are_refused(
        uint88 amount,
        uint40 period,
        bool lock,
        bytes32 agreement
    ) public {
        Terms memory t = custody(ID);
        bytes memory sig = signed(t, FUNDER_KEY);
        uint40 end = uint40(START + between(period, 1, 1096 days));
        Terms memory other = Terms(ID, uint88(between(amount, 1, FUNDS)), end, lock, agreement);
        vm.assume(keccak256(abi.encode(t)) != keccak256(abi.encode(other)));
        expectError(abi.encodeWithSignature("Error(string)", "FiatTokenV2: invalid signature"));
        createWith(other, sig);
        createWith(t, sig);
        expectMoney(AMOUNT, 0, 0);
    }

    function testFuzz_a_damaged_signature_is_refused(uint256 bit) public {
        Terms memory t = custody(ID);
        bytes memory sig = signed(t, FUNDER_KEY);
        bit %= sig.length * 8;
        sig[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        expectError(abi.encodeWithSignature("Error(string)", "FiatTokenV2: invalid signature"));
        createWith(t, sig);
        expectMoney(0, 0, 0);
    }

    function createWith(Terms memory t, bytes memory sig) private {
        vm.prank(RELAYER);
        escrow.createWithAuthorization(t, VALID_BEFORE, sig);
    }
}
