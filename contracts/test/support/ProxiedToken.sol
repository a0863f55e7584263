// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {TestMXNB} from "../../src/TestMXNB.sol";
import {Deployed} from "./Deployed.sol";
import {vm} from "./Vm.sol";

/// @notice TestMXNB as it is met on a chain: behind its proxy.
library ProxiedToken {
    /// @dev Owner of the code behind a proxy, where nothing is to be owned.
    address internal constant NOBODY = address(1);

    /// @param owner every role of the token. @param admin may upgrade it, and cannot use it.
    function create(address owner, address admin) internal returns (TestMXNB token) {
        address code = Deployed.create("TestMXNB", abi.encode(NOBODY));
        vm.startPrank(admin);
        token = TestMXNB(Deployed.create("TestMXNBProxy", abi.encode(code)));
        vm.stopPrank();
        token.initialize("MXNB", "MXNB", "MXN", 6, owner, owner, owner, owner);
        token.initializeV2("MXNB");
        token.initializeV2_1(owner);
        token.initializeV2_2(new address[](0), "MXNB");
    }
}
