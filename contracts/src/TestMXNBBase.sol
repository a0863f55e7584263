// SPDX-License-Identifier: UNLICENSED
pragma solidity 0.8.37;

/// @title What TestMXNB keeps, and who may do what with it
/// @notice Storage in the order FiatToken v2.2 has it (balances in slot 9, allowances in slot 10), the
/// initialisers, the roles, the pause, the blocklist and the rescuer.
abstract contract TestMXNBBase {
    address public owner;
    address public pauser;
    bool public paused;
    address public blacklister;
    /// @dev Before v2.2 the blocklist lay here; kept so that what follows keeps its slots.
    mapping(address account => bool) private _formerBlocklist;
    string public name;
    string public symbol;
    uint8 public decimals;
    string public currency;
    address public masterMinter;
    bool internal _initialized;
    /// @dev The top bit says that the account is blocked, the other 255 are its balance.
    mapping(address account => uint256) private _balanceAndBlocked;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    uint256 public totalSupply;
    mapping(address account => bool) public isMinter;
    mapping(address minter => uint256) public minterAllowance;
    address public rescuer;
    bytes32 private _formerDomainSeparator;
    /// @notice True once an authorization was used or cancelled.
    mapping(address authorizer => mapping(bytes32 nonce => bool)) public authorizationState;
    mapping(address owner => uint256) public nonces;
    uint8 internal _initializedVersion;

    uint256 private constant BLOCKED = 2 ** 255;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event MasterMinterChanged(address indexed newMasterMinter);
    event Pause();
    event Unpause();
    event PauserChanged(address indexed newAddress);
    event Blacklisted(address indexed _account);
    event UnBlacklisted(address indexed _account);
    event BlacklisterChanged(address indexed newBlacklister);
    event RescuerChanged(address indexed newRescuer);
    event OwnershipTransferred(address previousOwner, address newOwner);

    modifier onlyOwner() {
        require(msg.sender == owner, "Ownable: caller is not the owner");
        _;
    }

    modifier onlyPauser() {
        require(msg.sender == pauser, "Pausable: caller is not the pauser");
        _;
    }

    modifier onlyBlacklister() {
        require(msg.sender == blacklister, "Blacklistable: caller is not the blacklister");
        _;
    }

    modifier onlyRescuer() {
        require(msg.sender == rescuer, "Rescuable: caller is not the rescuer");
        _;
    }

    modifier whenNotPaused() {
        require(!paused, "Pausable: paused");
        _;
    }

    modifier notBlacklisted(address account) {
        require(!isBlacklisted(account), "Blacklistable: account is blacklisted");
        _;
    }

    // ------------------------------------------------------------------------------------------
    // Initialisers, one per version, each once and in this order
    // ------------------------------------------------------------------------------------------

    function initialize(
        string memory tokenName,
        string memory tokenSymbol,
        string memory tokenCurrency,
        uint8 tokenDecimals,
        address newMasterMinter,
        address newPauser,
        address newBlacklister,
        address newOwner
    ) public {
        require(!_initialized, "FiatToken: contract is already initialized");
        require(newMasterMinter != address(0), "FiatToken: new masterMinter is the zero address");
        require(newPauser != address(0), "FiatToken: new pauser is the zero address");
        require(newBlacklister != address(0), "FiatToken: new blacklister is the zero address");
        require(newOwner != address(0), "FiatToken: new owner is the zero address");
        (name, symbol, currency, decimals) = (tokenName, tokenSymbol, tokenCurrency, tokenDecimals);
        (masterMinter, pauser, blacklister) = (newMasterMinter, newPauser, newBlacklister);
        owner = newOwner;
        _initialized = true;
    }

    /// @dev Like the real one, it says no word when refused.
    function initializeV2(string memory newName) public {
        require(_initialized && _initializedVersion == 0);
        name = newName;
        _initializedVersion = 1;
    }

    /// @notice Moves what lies on the token's own address away and blocks that address.
    function initializeV2_1(address lostAndFound) public {
        require(_initializedVersion == 1);
        uint256 locked = balanceOf(address(this));
        if (locked > 0) _transfer(address(this), lostAndFound, locked);
        _setBlocked(address(this), true);
        _initializedVersion = 2;
    }

    /// @param accounts those blocked before v2.2; here nobody ever was.
    function initializeV2_2(address[] memory accounts, string memory newSymbol) public {
        require(_initializedVersion == 2);
        for (uint256 i = 0; i < accounts.length; ++i) {
            require(
                _formerBlocklist[accounts[i]],
                "FiatTokenV2_2: Blacklisting previously unblacklisted account!"
            );
        }
        symbol = newSymbol;
        _setBlocked(address(this), true);
        _initializedVersion = 3;
    }

    // ------------------------------------------------------------------------------------------
    // Pause, blocklist, rescue
    // ------------------------------------------------------------------------------------------

    function pause() external onlyPauser {
        paused = true;
        emit Pause();
    }

    function unpause() external onlyPauser {
        paused = false;
        emit Unpause();
    }

    function blacklist(address account) external onlyBlacklister {
        _setBlocked(account, true);
        emit Blacklisted(account);
    }

    function unBlacklist(address account) external onlyBlacklister {
        _setBlocked(account, false);
        emit UnBlacklisted(account);
    }

    /// @notice Sends on any ERC-20 that lies on this contract, also while it is paused.
    function rescueERC20(address token, address to, uint256 amount) external onlyRescuer {
        (bool done, bytes memory answer) =
            token.call(abi.encodeWithSignature("transfer(address,uint256)", to, amount));
        if (!done) {
            require(answer.length > 0, "SafeERC20: low-level call failed");
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        require(
            answer.length == 0 || abi.decode(answer, (bool)),
            "SafeERC20: ERC20 operation did not succeed"
        );
    }

    // ------------------------------------------------------------------------------------------
    // Handing roles on
    // ------------------------------------------------------------------------------------------

    function transferOwnership(address newOwner) external onlyOwner {
        require(newOwner != address(0), "Ownable: new owner is the zero address");
        emit OwnershipTransferred(owner, newOwner);
        owner = newOwner;
    }

    function updateMasterMinter(address newMasterMinter) external onlyOwner {
        require(newMasterMinter != address(0), "FiatToken: new masterMinter is the zero address");
        masterMinter = newMasterMinter;
        emit MasterMinterChanged(newMasterMinter);
    }

    function updatePauser(address newPauser) external onlyOwner {
        require(newPauser != address(0), "Pausable: new pauser is the zero address");
        pauser = newPauser;
        emit PauserChanged(newPauser);
    }

    function updateBlacklister(address newBlacklister) external onlyOwner {
        require(newBlacklister != address(0), "Blacklistable: new blacklister is the zero address");
        blacklister = newBlacklister;
        emit BlacklisterChanged(newBlacklister);
    }

    function updateRescuer(address newRescuer) external onlyOwner {
        require(newRescuer != address(0), "Rescuable: new rescuer is the zero address");
        rescuer = newRescuer;
        emit RescuerChanged(newRescuer);
    }

    // ------------------------------------------------------------------------------------------
    // Balances
    // ------------------------------------------------------------------------------------------

    function balanceOf(address account) public view returns (uint256) {
        return _balanceAndBlocked[account] & ~BLOCKED;
    }

    function isBlacklisted(address account) public view returns (bool) {
        return _balanceAndBlocked[account] & BLOCKED != 0;
    }

    function _setBlocked(address account, bool blocked) private {
        uint256 balance = balanceOf(account);
        _balanceAndBlocked[account] = blocked ? balance | BLOCKED : balance;
    }

    /// @dev Flag and balance share a slot, so every write checks the flag again, with a message of
    /// its own: a burned or credited account cannot slip through.
    function _setBalance(address account, uint256 balance) internal {
        require(balance < BLOCKED, "FiatTokenV2_2: Balance exceeds (2^255 - 1)");
        require(!isBlacklisted(account), "FiatTokenV2_2: Account is blacklisted");
        _balanceAndBlocked[account] = balance;
    }

    function _transfer(address from, address to, uint256 value) internal {
        require(from != address(0), "ERC20: transfer from the zero address");
        require(to != address(0), "ERC20: transfer to the zero address");
        require(value <= balanceOf(from), "ERC20: transfer amount exceeds balance");
        _setBalance(from, balanceOf(from) - value);
        _setBalance(to, balanceOf(to) + value);
        emit Transfer(from, to, value);
    }

    /// @dev The real token is older than checked arithmetic and says so in these words.
    function _sum(uint256 a, uint256 b) internal pure returns (uint256) {
        require(b <= type(uint256).max - a, "SafeMath: addition overflow");
        return a + b;
    }
}
