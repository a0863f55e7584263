#include "keystore/pkcs11.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keystore/private_file.h"

// One loaded library; several keys may share it.
struct module {
    void *handle;
    CK_FUNCTION_LIST *calls;
    int keys;
};

struct pkcs11_key {
    struct module *module;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    struct secret pin; // until pkcs11_pins_forget
    struct pkcs11_key *next;
};

// What one opening works with.
struct opening {
    const struct pkcs11_place *place;
    struct pkcs11_key *key;
    struct pkcs11_error *error;
};

static struct module modules[PKCS11_MODULES_MAX];
static struct pkcs11_key *open_keys;

__attribute__((format(printf, 3, 4))) static bool
open_fail(struct opening *opening, enum pkcs11_fault fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(opening->error->text, sizeof opening->error->text, format, args);
    va_end(args);
    opening->error->fault = fault;
    return false;
}

// ---- the module

// The place of a library that is loaded already, else a free one; NULL when all are taken.
static struct module *module_place(const void *handle)
{
    struct module *free_place = NULL;
    for (int i = 0; i < PKCS11_MODULES_MAX; i++) {
        if (modules[i].keys > 0 && modules[i].handle == handle)
            return &modules[i];
        if (modules[i].keys == 0 && !free_place)
            free_place = &modules[i];
    }
    return free_place;
}

static bool module_start(struct opening *opening, struct module *module)
{
    const char *path = opening->place->module;
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS};
    CK_C_GetFunctionList list;
    void *symbol = dlsym(module->handle, "C_GetFunctionList");
    memcpy(&list, &symbol, sizeof list); // ISO C has no cast from an object to a function
    if (!symbol || list(&module->calls) != CKR_OK || module->calls->version.major != 2)
        return open_fail(opening, PKCS11_FAULT_MODULE,
                         "pkcs11_module %.200s is no PKCS#11 2 module", path);
    CK_RV rv = module->calls->C_Initialize(&args);
    if (rv == CKR_OK)
        return true;
    return open_fail(opening, PKCS11_FAULT_MODULE,
                     "pkcs11_module %.200s does not start (code 0x%lx): does it find its settings? "
                     "The environment is empty; pkcs11_env sets one variable", path, rv);
}

// A library becomes part of this process: nobody else may change it.
static bool module_is_guarded(struct opening *opening)
{
    const char *path = opening->place->module;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return open_fail(opening, PKCS11_FAULT_MODULE, "pkcs11_module %.200s: cannot open it: %s",
                         path, strerror(errno));
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    close(fd);
    if (!ok)
        return open_fail(opening, PKCS11_FAULT_MODULE, "pkcs11_module %.200s is no regular file",
                         path);
    if (private_file_is_guarded(&st))
        return true;
    return open_fail(opening, PKCS11_FAULT_MODULE,
                     "pkcs11_module %.200s: others may change it (mode %03o, owner %u); it must "
                     "belong to root or this user: run chown and chmod go-w on it", path,
                     (unsigned)(st.st_mode & 0777), (unsigned)st.st_uid);
}

static bool module_open(struct opening *opening)
{
    if (!module_is_guarded(opening))
        return false;
    void *handle = dlopen(opening->place->module, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return open_fail(opening, PKCS11_FAULT_MODULE, "pkcs11_module: %.400s", dlerror());
    struct module *module = module_place(handle);
    bool ok = module != NULL;
    if (!ok) {
        open_fail(opening, PKCS11_FAULT_MODULE, "more than %d PKCS#11 modules", PKCS11_MODULES_MAX);
    } else if (module->keys == 0) {
        *module = (struct module){.handle = handle};
        ok = module_start(opening, module);
    }
    if (!ok) {
        dlclose(handle);
        return false;
    }
    module->keys++;
    opening->key->module = module;
    return true;
}

static void module_close(struct module *module)
{
    void *handle = module->handle;
    if (--module->keys == 0) {
        module->calls->C_Finalize(NULL);
        *module = (struct module){0};
    }
    dlclose(handle);
}

// ---- the token

static bool token_has_label(const CK_TOKEN_INFO *info, const char *label)
{
    char padded[sizeof info->label];
    size_t n = strlen(label);
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, n < sizeof padded ? n : sizeof padded);
    return n <= sizeof padded && memcmp(padded, info->label, sizeof padded) == 0;
}

static bool token_find(struct opening *opening, CK_SLOT_ID *slot, CK_TOKEN_INFO *info)
{
    CK_FUNCTION_LIST *calls = opening->key->module->calls;
    CK_SLOT_ID slots[PKCS11_SLOTS_MAX];
    CK_ULONG n = PKCS11_SLOTS_MAX;
    int found = 0;
    CK_RV rv = calls->C_GetSlotList(CK_TRUE, slots, &n);
    if (rv != CKR_OK)
        return open_fail(opening, PKCS11_FAULT_TOKEN, "the module does not list its tokens (code "
                         "0x%lx)", rv);
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO each;
        if (calls->C_GetTokenInfo(slots[i], &each) != CKR_OK ||
            !token_has_label(&each, opening->place->token))
            continue;
        *slot = slots[i];
        *info = each;
        found++;
    }
    if (found == 1)
        return true;
    return open_fail(opening, PKCS11_FAULT_TOKEN,
                     found ? "two tokens have the label \"%.32s\"; give one another label"
                           : "there is no token \"%.32s\"; is it plugged in, and does the module "
                             "see it?", opening->place->token);
}

// A key of the same token that is open already.
static const struct pkcs11_key *token_key(const struct pkcs11_key *key)
{
    const struct pkcs11_key *at = open_keys;
    while (at && (at->module != key->module || at->slot != key->slot))
        at = at->next;
    return at;
}

// Login is once for all keys of a token, so the token itself does not look at a second PIN.
static bool pin_is_that_of(const struct pkcs11_key *other, const struct secret *pin)
{
    return other->pin.n == pin->n && secret_equal(other->pin.data, pin->data, pin->n);
}

static bool token_login(struct opening *opening, const CK_TOKEN_INFO *info,
                        const struct secret *pin)
{
    struct pkcs11_key *key = opening->key;
    const char *token = opening->place->token;
    if (info->flags & CKF_USER_PIN_LOCKED)
        return open_fail(opening, PKCS11_FAULT_PIN,
                         "the PIN of token \"%.32s\" is locked; its security officer can set a "
                         "new one", token);
    if (info->flags & CKF_USER_PIN_FINAL_TRY)
        return open_fail(opening, PKCS11_FAULT_PIN,
                         "token \"%.32s\" has one try of its PIN left, which is not spent here; "
                         "log in once by hand with the right PIN", token);
    const struct pkcs11_key *other = token_key(key);
    if (other && !pin_is_that_of(other, pin))
        return open_fail(opening, PKCS11_FAULT_PIN,
                         "pkcs11_pin_file holds another PIN than the one that opened token "
                         "\"%.32s\" for the key before; put that one there too", token);
    CK_RV rv = key->module->calls->C_Login(key->session, CKU_USER, pin->data, pin->n);
    if (rv == CKR_OK || (other && rv == CKR_USER_ALREADY_LOGGED_IN))
        return true;
    if (rv == CKR_PIN_LOCKED)
        return open_fail(opening, PKCS11_FAULT_PIN,
                         "the PIN of token \"%.32s\" is locked; its security officer can set a "
                         "new one", token);
    return open_fail(opening, PKCS11_FAULT_PIN,
                     rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE
                         ? "the PIN does not open token \"%.32s\"; put the right one in "
                           "pkcs11_pin_file before the token counts to its limit"
                         : "token \"%.32s\" refuses the login (code 0x%lx)", token, rv);
}

// ---- the key

static bool object_find(struct opening *opening, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *object)
{
    const struct pkcs11_key *key = opening->key;
    CK_FUNCTION_LIST *calls = key->module->calls;
    CK_KEY_TYPE type = CKK_EC;
    CK_OBJECT_HANDLE found[2] = {CK_INVALID_HANDLE};
    CK_ULONG n = 0;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_LABEL, (void *)(uintptr_t)opening->place->key, strlen(opening->place->key)}};
    CK_RV rv = calls->C_FindObjectsInit(key->session, wanted, sizeof wanted / sizeof *wanted);
    if (rv == CKR_OK) {
        rv = calls->C_FindObjects(key->session, found, 2, &n);
        calls->C_FindObjectsFinal(key->session);
    }
    *object = found[0];
    if (rv == CKR_OK && n == 1)
        return true;
    return open_fail(opening, PKCS11_FAULT_KEY,
                     "token \"%.32s\" has %s elliptic-curve %s key \"%.64s\"",
                     opening->place->token, n == 0 ? "no" : "more than one",
                     class == CKO_PRIVATE_KEY ? "private" : "public", opening->place->key);
}

// The curve by its object identifier, 1.3.132.0.10 (SEC 2).
static bool curve_is_ours(const struct pkcs11_key *key, CK_OBJECT_HANDLE object)
{
    static const uint8_t secp256k1[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a};
    uint8_t parameters[64];
    CK_ATTRIBUTE asked = {CKA_EC_PARAMS, parameters, sizeof parameters};
    return key->module->calls->C_GetAttributeValue(key->session, object, &asked, 1) == CKR_OK &&
           asked.ulValueLen == sizeof secp256k1 &&
           memcmp(parameters, secp256k1, sizeof secp256k1) == 0;
}

// CKA_EC_POINT is a DER OCTET STRING by the standard; older modules give the bare point.
static bool point_read(const struct pkcs11_key *key, CK_OBJECT_HANDLE object, uint8_t out[65])
{
    uint8_t point[128];
    CK_ATTRIBUTE asked = {CKA_EC_POINT, point, sizeof point};
    if (key->module->calls->C_GetAttributeValue(key->session, object, &asked, 1) != CKR_OK)
        return false;
    bool is_wrapped = asked.ulValueLen == 67 && point[0] == 0x04 && point[1] == 65;
    if (!is_wrapped && asked.ulValueLen != 65)
        return false;
    memcpy(out, is_wrapped ? point + 2 : point, 65);
    return out[0] == 0x04;
}

static bool key_find(struct opening *opening, uint8_t public_key[65])
{
    CK_OBJECT_HANDLE public_object;
    struct pkcs11_key *key = opening->key;
    if (!object_find(opening, CKO_PRIVATE_KEY, &key->object) ||
        !object_find(opening, CKO_PUBLIC_KEY, &public_object))
        return false;
    if (!curve_is_ours(key, key->object) || !curve_is_ours(key, public_object))
        return open_fail(opening, PKCS11_FAULT_KEY,
                         "key \"%.64s\" of token \"%.32s\" is not on the curve secp256k1, the only "
                         "one Ethereum knows", opening->place->key, opening->place->token);
    if (point_read(key, public_object, public_key))
        return true;
    return open_fail(opening, PKCS11_FAULT_KEY,
                     "public key \"%.64s\" of token \"%.32s\" has no uncompressed point",
                     opening->place->key, opening->place->token);
}

struct pkcs11_key *pkcs11_open(const struct pkcs11_place *place, struct secret *pin,
                               uint8_t public_key[65], struct pkcs11_error *error)
{
    struct opening opening = {.place = place, .error = error};
    CK_TOKEN_INFO info = {0};
    opening.key = calloc(1, sizeof *opening.key);
    if (!opening.key) {
        open_fail(&opening, PKCS11_FAULT_MODULE, "no memory");
        return NULL;
    }
    struct pkcs11_key *key = opening.key;
    bool ok = module_open(&opening) && token_find(&opening, &key->slot, &info);
    if (ok && key->module->calls->C_OpenSession(key->slot, CKF_SERIAL_SESSION, NULL, NULL,
                                                &key->session) != CKR_OK)
        ok = open_fail(&opening, PKCS11_FAULT_TOKEN, "token \"%.32s\" opens no session",
                       place->token);
    if (ok && token_login(&opening, &info, pin) && key_find(&opening, public_key)) {
        key->pin = *pin;
        *pin = (struct secret){0};
        key->next = open_keys;
        open_keys = key;
        return key;
    }
    pkcs11_close(key);
    return NULL;
}

void pkcs11_pins_forget(void)
{
    for (struct pkcs11_key *key = open_keys; key; key = key->next)
        secret_free(&key->pin);
}

static void key_unlink(const struct pkcs11_key *key)
{
    struct pkcs11_key **at = &open_keys;
    while (*at && *at != key)
        at = &(*at)->next;
    if (*at)
        *at = key->next;
}

void pkcs11_close(struct pkcs11_key *key)
{
    if (key) {
        key_unlink(key);
        secret_free(&key->pin);
    }
    if (key && key->module) {
        if (key->session != CK_INVALID_HANDLE)
            key->module->calls->C_CloseSession(key->session);
        module_close(key->module);
    }
    free(key);
}

bool pkcs11_sign(struct pkcs11_key *key, const uint8_t digest[32], uint8_t signature[64])
{
    CK_MECHANISM mechanism = {.mechanism = CKM_ECDSA};
    CK_FUNCTION_LIST *calls = key->module->calls;
    uint8_t input[32]; // the interface wants it writable
    CK_ULONG n = 64;
    memcpy(input, digest, sizeof input);
    return calls->C_SignInit(key->session, &mechanism, key->object) == CKR_OK &&
           calls->C_Sign(key->session, input, sizeof input, signature, &n) == CKR_OK && n == 64;
}
