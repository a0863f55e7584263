/* system.reload: the signer's settings and keys as they are now, without stopping. */
#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "relayer/api/call.h"
#include "relayer/api/groups.h"
#include "relayer/api/mutation.h"
#include "relayer/base/log.h"
#include "relayer/base/mem.h"
#include "relayer/engine/contract_check.h"
#include "relayer/engine/signer.h"

/* The bridge is the contract's funder for ever, so the relayer's own key has one address. A dry run keeps
 * what was offered and takes nothing. */
static bool judge(void *ctx, const struct signer_offer *offer, char *why, size_t cap)
{
    struct call *call = ctx;
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
    if (!chain || !bridge)
        return false;
    struct signer_offer *kept = mem_new(sizeof *kept);
    *kept = *offer;
    call->work = kept;
    snprintf(why, cap, "a dry run takes nothing");
    return !call->dry_run;
}

static json_t *keys_json(const struct signer_offer *offer)
{
    json_t *keys = json_object();
    for (size_t i = 0; i < SIGNER_KEYS; i++) {
        char text[HEX_ADDRESS_SIZE];
        if (!offer->has[i])
            continue;
        hex_checksum_address(offer->address[i], text);
        json_object_set_new(keys, signer_key_name(i), json_string(text));
    }
    return json_pack("{s:o}", "keys", keys);
}

static void reloaded(void *ctx, const char *why)
{
    struct call *call = ctx;
    if (why != NULL && (!call->dry_run || call->work == NULL)) {
        call_refuse(call, ERR_SIGNER_RELOAD, "the new signer was not taken: %s", why);
        return;
    }
    if (!call->dry_run) {
        log_info("signer_reloaded", "actor=%s", call->actor);
        contract_check_kick(call->engine->contracts, 0);
    }
    mutation_commit(call, db_script_new(), keys_json(call->work), NULL);
}

void system_reload(struct call *call)
{
    if (!signer_reload(call->engine->signer, judge, reloaded, call))
        call_refuse(call, ERR_BUSY, "a reload is under way already");
}
