// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice The defects of the contract this one replaces, in our own words and nothing else of it: a
/// scenario that ours makes impossible is shown to go wrong here.
contract LegacyEscrow {
    enum Status {
        Pending,
        Funded,
        Disputed,
        Released,
        Cancelled
    }

    struct Deal {
        address payer;
        address payee;
        uint256 amount;
        uint256 deadline;
        uint256 commission;
        Status status;
        string clabe;
    }

    IERC20 public immutable token;
    address public immutable bridge;
    bool public paused;
    Deal[] public deals;

    event DealCreated(
        uint256 indexed id, address payer, address payee, uint256 amount, string clabe
    );

    error NotBridge();
    error Paused();
    error WrongStatus(Status status);

    modifier onlyBridge() {
        if (msg.sender != bridge) revert NotBridge();
        _;
    }

    modifier whenNotPaused() {
        if (paused) revert Paused();
        _;
    }

    constructor(IERC20 token_, address bridge_) {
        token = token_;
        bridge = bridge_;
    }

    /// @dev The id is a counter, nothing names the payment, no money moves yet, and the account
    /// number goes on the chain in clear. The deadline is taken as it comes.
    function create(
        address payer,
        address payee,
        uint256 amount,
        uint256 deadline,
        uint256 commission,
        string calldata clabe
    ) external onlyBridge whenNotPaused returns (uint256 id) {
        id = deals.length;
        deals.push(Deal(payer, payee, amount, deadline, commission, Status.Pending, clabe));
        emit DealCreated(id, payer, payee, amount, clabe);
    }

    /// @dev Pulls from whomever the bridge named and who once approved this contract.
    function fund(uint256 id) external onlyBridge whenNotPaused {
        deals[id].status = Status.Funded;
        token.transferFrom(deals[id].payer, address(this), deals[id].amount);
    }

    /// @dev Looks at neither the deadline nor whether the deal was ever funded or released before.
    function release(uint256 id) external onlyBridge whenNotPaused {
        Deal storage d = deals[id];
        if (d.status == Status.Disputed) revert WrongStatus(d.status);
        d.status = Status.Released;
        token.transfer(bridge, d.amount);
    }

    /// @dev The flow with commissions: what it pays can be more than what it took.
    function releaseWithCommission(uint256 id) external onlyBridge whenNotPaused {
        Deal storage d = deals[id];
        d.status = Status.Released;
        token.transfer(bridge, d.commission);
        token.transfer(bridge, d.amount - d.commission);
    }

    /// @dev At any time, and nothing but `cancel` leads out of it.
    function dispute(uint256 id) external onlyBridge {
        if (deals[id].status != Status.Funded) revert WrongStatus(deals[id].status);
        deals[id].status = Status.Disputed;
    }

    function cancel(uint256 id) external onlyBridge whenNotPaused {
        deals[id].status = Status.Cancelled;
        token.transfer(deals[id].payer, deals[id].amount);
    }

    /// @dev The hot key pauses and unpauses as it likes.
    function setPaused(bool value) external onlyBridge {
        paused = value;
    }

    function rescue(uint256 amount) external onlyBridge {
        token.transfer(bridge, amount);
    }

    function statusOf(uint256 id) external view returns (Status) {
        return deals[id].status;
    }
}

/// @notice The back end of that time: a dispute that failed on the chain was "not fatal".
contract LegacyBackend {
    LegacyEscrow private immutable _escrow;
    mapping(uint256 id => bool) public disputed;

    constructor(LegacyEscrow escrow_) {
        _escrow = escrow_;
    }

    function dispute(uint256 id) external {
        try _escrow.dispute(id) {} catch {}
        disputed[id] = true;
    }
}
