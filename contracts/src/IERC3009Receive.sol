// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @notice The one ERC-3009 call the escrow makes, in the bytes form of FiatToken v2.2
/// (selector 0x88b7ab63). The token accepts it only from the payee itself, so nobody can run a
/// seen authorization ahead of the escrow.
interface IERC3009Receive {
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
}
