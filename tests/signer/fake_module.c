// A PKCS#11 module for what SoftHSM cannot be made to do: the variable FAKE_TOKEN says how it behaves.
// One token "fake" with one key "lane", the row "cow" of ethereum/tests, BasicTests/keyaddrtest.json.
#include <p11-kit/pkcs11.h>
#include <secp256k1.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PRIVATE_OBJECT = 1, PUBLIC_OBJECT = 2, PIN_TRIES = 3 };

static const uint8_t secret[32] = {0xc8, 0x5e, 0xf7, 0xd7, 0x96, 0x91, 0xfe, 0x79, 0x57, 0x3b, 0x1a,
                                   0x70, 0x64, 0xc1, 0x9c, 0x1a, 0x98, 0x19, 0xeb, 0xdb, 0xd1, 0xfa,
                                   0xaa, 0xb1, 0xa8, 0xec, 0x92, 0x34, 0x44, 0x38, 0xaa, 0xf4};
static secp256k1_context *context;
static CK_OBJECT_CLASS wanted;
static bool found;

static bool is(const char *behaviour)
{
    const char *set = getenv("FAKE_TOKEN");
    return set && strcmp(set, behaviour) == 0;
}

static CK_RV initialize(void *args)
{
    if (is("needs threads") && ((CK_C_INITIALIZE_ARGS *)args)->flags)
        return CKR_NEED_TO_CREATE_THREADS;
    context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    return CKR_OK;
}

static CK_RV finalize(void *reserved)
{
    (void)reserved;
    secp256k1_context_destroy(context);
    return CKR_OK;
}

static CK_RV slot_list(unsigned char present, CK_SLOT_ID *slots, CK_ULONG *n)
{
    (void)present;
    *n = is("two tokens") ? 2 : 1;
    for (CK_ULONG i = 0; i < *n; i++)
        slots[i] = i;
    return CKR_OK;
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    (void)slot;
    memset(info, 0, sizeof *info);
    memset(info->label, ' ', sizeof info->label);
    memcpy(info->label, "fake", 4);
    info->flags = is("locked")       ? CKF_USER_PIN_LOCKED
                  : is("last try")   ? CKF_USER_PIN_FINAL_TRY
                                     : 0;
    return CKR_OK;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *session)
{
    (void)slot, (void)flags, (void)application, (void)notify;
    *session = 1;
    return CKR_OK;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
    (void)session;
    return CKR_OK;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin, CK_ULONG n)
{
    (void)session, (void)user, (void)pin, (void)n;
    if (is("forks") && fork() == 0)
        _exit(0);
    if (is("runs a program"))
        execl("/bin/true", "true", (char *)NULL);
    return is("locks at login") ? CKR_PIN_LOCKED : CKR_OK;
}

static CK_RV find_start(CK_SESSION_HANDLE session, CK_ATTRIBUTE *with, CK_ULONG n)
{
    (void)session, (void)n;
    memcpy(&wanted, with[0].pValue, sizeof wanted);
    found = false;
    return CKR_OK;
}

static CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *object, CK_ULONG max, CK_ULONG *n)
{
    (void)session, (void)max;
    *n = !found && !(is("no public key") && wanted == CKO_PUBLIC_KEY);
    found = true;
    object[0] = wanted == CKO_PUBLIC_KEY ? PUBLIC_OBJECT : PRIVATE_OBJECT;
    return CKR_OK;
}

static CK_RV find_end(CK_SESSION_HANDLE session)
{
    (void)session;
    return CKR_OK;
}

static void point_of(uint8_t out[65])
{
    uint8_t key[32];
    size_t n = 65;
    secp256k1_pubkey point;
    memcpy(key, secret, sizeof key);
    key[31] ^= is("another public key");
    if (secp256k1_ec_pubkey_create(context, &point, key))
        secp256k1_ec_pubkey_serialize(context, out, &n, &point, SECP256K1_EC_UNCOMPRESSED);
    out[64] ^= is("off the curve");
}

static CK_RV attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *asked,
                       CK_ULONG n)
{
    static const uint8_t curve[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a};
    uint8_t point[67] = {0x04, 65};
    (void)session, (void)object, (void)n;
    bool bare = is("bare point");
    point_of(point + 2);
    const uint8_t *from = asked->type == CKA_EC_PARAMS ? curve : bare ? point + 2 : point;
    asked->ulValueLen = asked->type == CKA_EC_PARAMS ? sizeof curve : bare ? 65 : 67;
    if (is("compressed point") && asked->type == CKA_EC_POINT)
        asked->ulValueLen = 33;
    memcpy(asked->pValue, from, asked->ulValueLen);
    return CKR_OK;
}

static CK_RV sign_start(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    (void)session;
    return mechanism->mechanism == CKM_ECDSA && key == PRIVATE_OBJECT ? CKR_OK
                                                                      : CKR_MECHANISM_INVALID;
}

static CK_RV sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG data_n,
                  unsigned char *out, CK_ULONG *n)
{
    static int signatures;
    secp256k1_ecdsa_signature signature;
    (void)session;
    signatures++;
    if (is("socket") && signatures > 1 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
        return CKR_FUNCTION_FAILED;
    if (data_n != 32 || (is("goes away") && signatures > 2)) // two trials at start
        return CKR_DEVICE_REMOVED;
    if (!secp256k1_ecdsa_sign(context, &signature, data, secret, NULL, NULL))
        return CKR_FUNCTION_FAILED;
    secp256k1_ecdsa_signature_serialize_compact(context, out, &signature);
    if (is("high s") && !secp256k1_ec_seckey_negate(context, out + 32)) // n - s
        return CKR_FUNCTION_FAILED;
    if (is("wrong later") && signatures > 2)
        out[40] ^= 1;
    *n = is("short") ? 63 : 64;
    return CKR_OK;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    static CK_FUNCTION_LIST calls = {.version = {2, 40},
                                     .C_Initialize = initialize,
                                     .C_Finalize = finalize,
                                     .C_GetSlotList = slot_list,
                                     .C_GetTokenInfo = token_info,
                                     .C_OpenSession = open_session,
                                     .C_CloseSession = close_session,
                                     .C_Login = login,
                                     .C_FindObjectsInit = find_start,
                                     .C_FindObjects = find,
                                     .C_FindObjectsFinal = find_end,
                                     .C_GetAttributeValue = attribute,
                                     .C_SignInit = sign_start,
                                     .C_Sign = sign};
    *list = &calls;
    return CKR_OK;
}
