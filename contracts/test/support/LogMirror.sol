// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IKustodiaEscrow} from "../../src/IKustodiaEscrow.sol";
import {Vm} from "./Vm.sol";

/// @notice What an indexer knows: the escrow's whole state from its logs and their blocks' times
/// alone. It never asks the escrow.
contract LogMirror is IKustodiaEscrow {
    address private immutable _escrow;

    mapping(bytes32 id => Escrow) private _escrows;
    mapping(bytes32 id => uint256) public buyerPart;
    mapping(bytes32 id => bool) public early;
    mapping(bytes32 role => mapping(address account => bool)) public hasRole;
    uint256 public knownCount;
    uint256 public held;
    address public payout;
    address public refund;
    address public nextPayout;
    address public nextRefund;
    uint256 public acceptableAt;
    uint256 public pauseBits;
    uint256 public pauseUntil;
    /// @notice Logs that contradict what was logged before, or that nothing here understands.
    uint256 public misfits;

    constructor(address escrow_) {
        _escrow = escrow_;
    }

    function escrows(bytes32[] calldata ids) external view returns (Escrow[] memory list) {
        list = new Escrow[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            list[i] = _escrows[ids[i]];
        }
    }

    /// @notice Wallets, waiting wallets and the pause in force, in this order, encoded.
    function rules() external view returns (bytes memory) {
        bool over = block.timestamp >= pauseUntil;
        return abi.encode(
            payout,
            refund,
            nextPayout,
            nextRefund,
            acceptableAt,
            over ? 0 : pauseBits,
            over ? 0 : pauseUntil
        );
    }

    /// @param logs of one block, the current one; those of other contracts are passed over.
    function feed(Vm.Log[] calldata logs) external {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != _escrow) continue;
            if (!_money(logs[i]) && !_dispute(logs[i]) && !_rules(logs[i])) ++misfits;
        }
    }

    function _money(Vm.Log calldata log) private returns (bool) {
        bytes32 topic = log.topics[0];
        if (topic == EscrowCreated.selector) _created(log);
        else if (topic == EscrowReleased.selector) _released(log);
        else if (topic == EscrowReverted.selector) _reverted(log);
        else if (topic == EscrowSplit.selector) _split(log);
        else return topic == Rescued.selector;
        return true;
    }

    function _created(Vm.Log calldata log) private {
        bytes32 id = log.topics[1];
        (uint256 amount, uint256 end, bool lock,) =
            abi.decode(log.data, (uint256, uint256, bool, bytes32));
        if (_escrows[id].state != State.None) ++misfits;
        ++knownCount;
        held += amount;
        Escrow storage e = _escrows[id];
        e.amount = uint88(amount);
        e.createdAt = uint40(block.timestamp);
        e.custodyEnd = uint40(end);
        e.lock = lock;
        e.state = State.Active;
    }

    function _released(Vm.Log calldata log) private {
        bytes32 id = log.topics[1];
        (uint256 amount, bool early_) = abi.decode(log.data, (uint256, bool));
        if (_address(log.topics[2]) != payout) ++misfits;
        early[id] = early_;
        _end(id, amount, State.Released);
    }

    function _reverted(Vm.Log calldata log) private {
        (uint256 amount,) = abi.decode(log.data, (uint256, bytes32));
        if (_address(log.topics[2]) != refund) ++misfits;
        _end(log.topics[1], amount, State.Reverted);
    }

    function _split(Vm.Log calldata log) private {
        bytes32 id = log.topics[1];
        (uint256 buyer, uint256 seller,) = abi.decode(log.data, (uint256, uint256, bytes32));
        if (buyer == 0 || seller == 0) ++misfits;
        buyerPart[id] = buyer;
        _end(id, buyer + seller, State.Split);
    }

    function _end(bytes32 id, uint256 amount, State state) private {
        if (amount != _escrows[id].amount) ++misfits;
        held -= amount;
        _escrows[id].state = state;
    }

    function _dispute(Vm.Log calldata log) private returns (bool) {
        bytes32 topic = log.topics[0];
        if (topic != DisputeRaised.selector && topic != DisputeDismissed.selector) return false;
        Escrow storage e = _escrows[log.topics[1]];
        (uint256 round,) = abi.decode(log.data, (uint256, bytes32));
        if (topic == DisputeRaised.selector) {
            e.state = State.Disputed;
            e.party = Party(uint8(uint256(log.topics[2])));
            e.disputedAt = uint40(block.timestamp);
            e.round = uint8(round);
        } else {
            if (round != e.round) ++misfits;
            e.state = State.Active;
        }
        return true;
    }

    function _rules(Vm.Log calldata log) private returns (bool) {
        bytes32 topic = log.topics[0];
        if (topic == PauseSet.selector) {
            (pauseBits, pauseUntil) = abi.decode(log.data, (uint256, uint256));
        } else if (topic == WalletsProposed.selector) {
            (nextPayout, nextRefund) = (_address(log.topics[1]), _address(log.topics[2]));
            acceptableAt = abi.decode(log.data, (uint256));
        } else if (topic == WalletsChanged.selector) {
            (payout, refund) = (_address(log.topics[1]), _address(log.topics[2]));
            (nextPayout, nextRefund, acceptableAt) = (address(0), address(0), 0);
        } else if (topic == IAccessControl.RoleGranted.selector) {
            hasRole[log.topics[1]][_address(log.topics[2])] = true;
        } else if (topic == IAccessControl.RoleRevoked.selector) {
            hasRole[log.topics[1]][_address(log.topics[2])] = false;
        } else {
            return false;
        }
        return true;
    }

    function _address(bytes32 topic) private pure returns (address) {
        return address(uint160(uint256(topic)));
    }
}
