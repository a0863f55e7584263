// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {TestMXNB} from "../../src/TestMXNB.sol";
import {TestMXNBProxy} from "../../src/TestMXNBProxy.sol";
import {Deployed} from "../support/Deployed.sol";
import {TokenFixture} from "../support/TokenFixture.sol";
import {vm} from "../support/Vm.sol";

/// @notice An issuer's next version: it answers one more question and remembers being initialised.
contract NextToken {
    uint256 public told;

    function initializeNext(uint256 value) external payable {
        require(value > 0, "nothing told");
        told = value;
    }

    function pays() external payable {}
}

contract UpgradeTest is TokenFixture {
    // The slots of the real proxy, from their texts.
    bytes32 private constant IMPLEMENTATION = keccak256("org.zeppelinos.proxy.implementation");
    bytes32 private constant ADMIN = keccak256("org.zeppelinos.proxy.admin");

    function proxy() private view returns (TestMXNBProxy) {
        return TestMXNBProxy(payable(address(token)));
    }

    function addressAt(bytes32 slot) private view returns (address) {
        return address(uint160(uint256(vm.load(address(token), slot))));
    }

    /// @dev A proxy in front of the same code, not initialised.
    function untouched() private returns (TestMXNB fresh) {
        address code = proxy().implementation();
        vm.startPrank(UPGRADER);
        fresh = TestMXNB(Deployed.create("TestMXNBProxy", abi.encode(code)));
        vm.stopPrank();
    }

    function test_code_and_admin_lie_in_the_zeppelinos_slots() public view {
        vm.assertEq(proxy().implementation(), addressAt(IMPLEMENTATION), "implementation");
        vm.assertTrue(addressAt(IMPLEMENTATION).code.length > 0, "code");
        vm.assertEq(proxy().admin(), UPGRADER, "admin");
        vm.assertEq(addressAt(ADMIN), UPGRADER, "admin's slot");
    }

    function test_the_code_alone_belongs_to_nobody_and_stays_so() public {
        TestMXNB code = TestMXNB(proxy().implementation());
        expectRevert("FiatToken: contract is already initialized");
        code.initialize("", "", "", 0, BOB, BOB, BOB, BOB);
        vm.assertEq(code.owner(), address(1), "owner");
        vm.expectRevert(bytes(""));
        code.initializeV2_2(new address[](0), "");
    }

    function test_each_initialiser_runs_once() public {
        expectRevert("FiatToken: contract is already initialized");
        token.initialize("", "", "", 0, BOB, BOB, BOB, BOB);
        vm.expectRevert(bytes(""));
        token.initializeV2("");
        vm.expectRevert(bytes(""));
        token.initializeV2_1(BOB);
        vm.expectRevert(bytes(""));
        token.initializeV2_2(new address[](0), "");
    }

    function test_initialisers_go_in_order_and_refuse_nobody() public {
        TestMXNB fresh = untouched();
        vm.startPrank(BOB);
        vm.expectRevert(bytes(""));
        fresh.initializeV2("MXNB");
        expectRevert("FiatToken: new masterMinter is the zero address");
        fresh.initialize("", "", "", 6, address(0), BOB, BOB, BOB);
        expectRevert("FiatToken: new pauser is the zero address");
        fresh.initialize("", "", "", 6, BOB, address(0), BOB, BOB);
        expectRevert("FiatToken: new blacklister is the zero address");
        fresh.initialize("", "", "", 6, BOB, BOB, address(0), BOB);
        expectRevert("FiatToken: new owner is the zero address");
        fresh.initialize("", "", "", 6, BOB, BOB, BOB, address(0));
        fresh.initialize("one", "ONE", "MXN", 6, BOB, BOB, BOB, BOB);
        vm.expectRevert(bytes(""));
        fresh.initializeV2_1(BOB);
        fresh.initializeV2("two");
        vm.assertEq(fresh.name(), "two", "name");
        address[] memory list = new address[](1);
        list[0] = BOB;
        fresh.initializeV2_1(BOB);
        expectRevert("FiatTokenV2_2: Blacklisting previously unblacklisted account!");
        fresh.initializeV2_2(list, "TWO");
        fresh.initializeV2_2(new address[](0), "TWO");
        vm.assertEq(fresh.symbol(), "TWO", "symbol");
        vm.stopPrank();
    }

    function test_v2_1_moves_what_lay_on_the_token_itself() public {
        TestMXNB fresh = untouched();
        vm.startPrank(BOB);
        fresh.initialize("", "", "", 6, BOB, BOB, BOB, BOB);
        fresh.initializeV2("");
        fresh.configureMinter(BOB, 7);
        fresh.mint(address(fresh), 7);
        fresh.initializeV2_1(CAROL);
        vm.stopPrank();
        vm.assertEq(fresh.balanceOf(CAROL), 7, "lost and found");
        vm.assertTrue(fresh.isBlacklisted(address(fresh)), "the token itself");
    }

    function test_an_upgrade_changes_the_code_and_keeps_the_books() public {
        address next = Deployed.create("TestMXNB", abi.encode(address(1)));
        expectEvent();
        emit TestMXNBProxy.Upgraded(next);
        vm.prank(UPGRADER);
        proxy().upgradeTo(next);
        vm.assertEq(addressAt(IMPLEMENTATION), next, "slot");
        expectBalances(FUNDS, 0);
        vm.assertEq(token.owner(), OWNER, "owner");
        vm.prank(alice);
        token.transfer(BOB, 5);
        expectBalances(FUNDS - 5, 5);
    }

    function test_an_upgrade_may_call_the_new_code() public {
        address next = address(new NextToken());
        vm.startPrank(UPGRADER);
        vm.expectRevert(bytes(""));
        proxy().upgradeToAndCall(next, abi.encodeCall(NextToken.initializeNext, (0)));
        proxy().upgradeToAndCall(next, abi.encodeCall(NextToken.initializeNext, (9)));
        vm.stopPrank();
        vm.assertEq(NextToken(address(token)).told(), 9, "told");
        vm.deal(BOB, 1);
        vm.prank(BOB);
        NextToken(address(token)).pays{value: 1}();
        vm.assertEq(address(token).balance, 1, "value is passed on");
    }

    function test_only_the_admin_upgrades_and_hands_on() public {
        address next = address(new NextToken());
        vm.startPrank(OWNER);
        // The call reaches the token, which has no such function.
        vm.expectRevert(bytes(""));
        proxy().upgradeTo(next);
        vm.expectRevert(bytes(""));
        proxy().upgradeToAndCall(next, "");
        vm.expectRevert(bytes(""));
        proxy().changeAdmin(OWNER);
        vm.stopPrank();
        vm.startPrank(UPGRADER);
        expectRevert("Cannot change the admin of a proxy to the zero address");
        proxy().changeAdmin(address(0));
        expectRevert("Cannot set a proxy implementation to a non-contract address");
        proxy().upgradeTo(BOB);
        expectEvent();
        emit TestMXNBProxy.AdminChanged(UPGRADER, CAROL);
        proxy().changeAdmin(CAROL);
        vm.stopPrank();
        vm.assertEq(addressAt(ADMIN), CAROL, "admin");
    }

    function test_the_admin_cannot_use_the_token() public {
        vm.startPrank(UPGRADER);
        expectRevert("Cannot call fallback function from the proxy admin");
        token.balanceOf(alice);
        (bool sent, bytes memory answer) = address(token).call("");
        vm.stopPrank();
        vm.assertFalse(sent, "a bare call");
        vm.assertEq(
            keccak256(answer),
            keccak256(
                abi.encodeWithSignature(
                    "Error(string)", "Cannot call fallback function from the proxy admin"
                )
            ),
            "its answer"
        );
    }

    function test_a_proxy_needs_code_behind_it() public {
        expectRevert("Cannot set a proxy implementation to a non-contract address");
        Deployed.create("TestMXNBProxy", abi.encode(BOB));
    }
}
