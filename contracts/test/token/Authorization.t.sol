// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {TestMXNB} from "../../src/TestMXNB.sol";
import {TokenFixture} from "../support/TokenFixture.sol";
import {vm} from "../support/Vm.sol";

contract AuthorizationTest is TokenFixture {
    bytes32 private constant NONCE = keccak256("nonce");
    uint256 private constant AFTER = START - 1;
    uint256 private constant BEFORE = START + 1;

    function test_transfer_in_both_forms() public {
        (uint8 v, bytes32 r, bytes32 s) = sign(ALICE_KEY, transferHash(NONCE));
        expectEvent();
        emit TestMXNB.AuthorizationUsed(alice, NONCE);
        token.transferWithAuthorization(alice, BOB, 5, AFTER, BEFORE, NONCE, v, r, s);
        bytes memory sig = signPacked(ALICE_KEY, transferHash(bytes32(0)));
        token.transferWithAuthorization(alice, BOB, 5, AFTER, BEFORE, bytes32(0), sig);
        expectBalances(FUNDS - 10, 10);
        vm.assertTrue(token.authorizationState(alice, NONCE), "used");
    }

    function test_receive_in_both_forms_by_the_payee_only() public {
        (uint8 v, bytes32 r, bytes32 s) = sign(ALICE_KEY, receiveHash(NONCE));
        expectRevert("FiatTokenV2: caller must be the payee");
        token.receiveWithAuthorization(alice, BOB, 5, AFTER, BEFORE, NONCE, v, r, s);
        vm.prank(BOB);
        token.receiveWithAuthorization(alice, BOB, 5, AFTER, BEFORE, NONCE, v, r, s);
        bytes memory sig = signPacked(ALICE_KEY, receiveHash(bytes32(0)));
        vm.prank(BOB);
        token.receiveWithAuthorization(alice, BOB, 5, AFTER, BEFORE, bytes32(0), sig);
        expectBalances(FUNDS - 10, 10);
    }

    function test_a_receive_signature_is_no_transfer_signature() public {
        bytes memory sig = signPacked(ALICE_KEY, receiveHash(NONCE));
        expectRevert("FiatTokenV2: invalid signature");
        token.transferWithAuthorization(alice, BOB, 5, AFTER, BEFORE, NONCE, sig);
    }

    function test_a_nonce_is_used_once() public {
        bytes memory sig = signPacked(ALICE_KEY, transferHash(NONCE));
        transferNow(sig);
        expectRevert("FiatTokenV2: authorization is used or canceled");
        transferNow(sig);
        expectBalances(FUNDS - 5, 5);
    }

    function test_is_open_strictly_between_its_times() public {
        bytes memory sig = signPacked(ALICE_KEY, transferHash(NONCE));
        vm.warp(AFTER);
        expectRevert("FiatTokenV2: authorization is not yet valid");
        transferNow(sig);
        vm.warp(BEFORE);
        expectRevert("FiatTokenV2: authorization is expired");
        transferNow(sig);
        vm.warp(START);
        transferNow(sig);
        expectBalances(FUNDS - 5, 5);
    }

    function test_cancel_in_both_forms() public {
        (uint8 v, bytes32 r, bytes32 s) = sign(ALICE_KEY, cancelHash(NONCE));
        expectEvent();
        emit TestMXNB.AuthorizationCanceled(alice, NONCE);
        token.cancelAuthorization(alice, NONCE, v, r, s);
        bytes memory sig = signPacked(ALICE_KEY, transferHash(NONCE));
        expectRevert("FiatTokenV2: authorization is used or canceled");
        transferNow(sig);
        bytes memory cancel = signPacked(ALICE_KEY, cancelHash(bytes32(0)));
        token.cancelAuthorization(alice, bytes32(0), cancel);
        expectRevert("FiatTokenV2: authorization is used or canceled");
        token.cancelAuthorization(alice, bytes32(0), cancel);
    }

    function test_cancel_needs_the_authorizer() public {
        bytes memory sig = signPacked(ALICE_KEY + 1, cancelHash(NONCE));
        expectRevert("FiatTokenV2: invalid signature");
        token.cancelAuthorization(alice, NONCE, sig);
    }

    function test_pause_and_blocklist_stop_it() public {
        bytes memory sig = signPacked(ALICE_KEY, transferHash(NONCE));
        bytes memory cancel = signPacked(ALICE_KEY, cancelHash(NONCE));
        pauseToken();
        expectRevert("Pausable: paused");
        transferNow(sig);
        expectRevert("Pausable: paused");
        token.cancelAuthorization(alice, NONCE, cancel);
        vm.prank(OWNER);
        token.unpause();
        address[2] memory parties = [alice, BOB];
        for (uint256 i = 0; i < 2; ++i) {
            blacklist(parties[i]);
            expectRevert("Blacklistable: account is blacklisted");
            transferNow(sig);
            vm.prank(OWNER);
            token.unBlacklist(parties[i]);
        }
        expectBalances(FUNDS, 0);
    }

    function transferNow(bytes memory sig) private {
        token.transferWithAuthorization(alice, BOB, 5, AFTER, BEFORE, NONCE, sig);
    }

    function transferHash(bytes32 nonce) private view returns (bytes32) {
        bytes32 kind = token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH();
        return keccak256(abi.encode(kind, alice, BOB, uint256(5), AFTER, BEFORE, nonce));
    }

    function receiveHash(bytes32 nonce) private view returns (bytes32) {
        bytes32 kind = token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH();
        return keccak256(abi.encode(kind, alice, BOB, uint256(5), AFTER, BEFORE, nonce));
    }

    function cancelHash(bytes32 nonce) private view returns (bytes32) {
        return keccak256(abi.encode(token.CANCEL_AUTHORIZATION_TYPEHASH(), alice, nonce));
    }
}
