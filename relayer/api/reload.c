/* system.reload: the signer's settings and keys as they are now, without stopping. */
#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/api/call.h"
#include "relayer/api/groups.h"
#include "relayer/base/log.h"
#include "relayer/engine/contract_check.h"
#include "relayer/engine/signer.h"

/* The bridge is the contract's funder for ever, so the relayer's own key has one address. */
static bool judge(void *ctx, const struct signer_offer *offer, char *why, size_t cap)
{
    const struct call *call = ctx;
    const struct config *config = call->engine->config;
    char address[HEX_ADDRESS_SIZE];
    hex_checksum_address(offer->address[0], address);
    bool chain = offer->chain_id == config->chain_chain_id;
    bool bridge = memcmp(offer->address[0], config->chain_bridge.b, 20) == 0;
    if (!chain)
        snprintf(why, cap, "its settings are for chain %llu, ours for %llu",
                 (unsigned long long)offer->chain_id, (unsigned long long)config->chain_chain_id);
    else if (!bridge)
        snprintf(why, cap, "its relayer key is %s, chain.bridge is %s", address,
                 config->chain_bridge.text);
    return chain && bridge;
}

static json_t *keys_json(const struct signer *signer)
{
    json_t *keys = json_object();
    for (size_t i = 0; i < SIGNER_KEYS; i++) {
        uint8_t address[20];
        uint64_t chain_id = 0;
        char text[HEX_ADDRESS_SIZE];
        if (!signer_identity(signer, i, address, &chain_id))
            continue;
        hex_checksum_address(address, text);
        json_object_set_new(keys, signer_key_name(i), json_string(text));
    }
    return keys;
}

static void reloaded(void *ctx, const char *why)
{
    struct call *call = ctx;
    if (why != NULL) {
        call_refuse(call, ERR_SIGNER_RELOAD, "the new signer was not taken: %s", why);
        return;
    }
    log_info("signer_reloaded", "actor=%s", call->actor);
    contract_check_kick(call->engine->contracts, 0);
    call_reply(call, json_pack("{s:o}", "keys", keys_json(call->engine->signer)));
}

void system_reload(struct call *call)
{
    if (!signer_reload(call->engine->signer, judge, reloaded, call))
        call_refuse(call, ERR_BUSY, "a reload is under way already");
}
