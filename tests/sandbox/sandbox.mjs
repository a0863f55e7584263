// Puts the parts together: one Juno account on one chain. Used by main.mjs and by the tests.

import { Auth } from './auth.mjs';
import { Bank } from './bank.mjs';
import { Chain } from './chain.mjs';
import { Clock } from './clock.mjs';
import { ControlApi } from './control.mjs';
import { Faults } from './faults.mjs';
import { http_listen } from './http.mjs';
import { Ledger } from './ledger.mjs';
import { PublicApi } from './public.mjs';
import { Store } from './store.mjs';
import { Transactions } from './transactions.mjs';
import { Webhooks } from './webhooks.mjs';

// options: {port, control_port, rpc, token, private_key | minter, api_key, api_secret, settings,
//           seed, state_file?, webhook?, log}
// Resolves once both ports listen, to {ready, stop()}; ready is what main.mjs prints.
export async function sandbox_start(options) {
    const { settings, log } = options;
    const store = new Store(options.state_file);
    const clock = new Clock(store);
    const ledger = new Ledger(store, clock);
    const faults = new Faults(options.seed);
    const webhooks = new Webhooks({ store, settings, faults, log });
    const chain = new Chain({
        store,
        settings,
        log,
        rpc_url: options.rpc,
        token: options.token,
        private_key: options.private_key,
        minter: options.minter,
    });
    const transactions = new Transactions({
        store,
        clock,
        ledger,
        settings,
        faults,
        chain,
        webhooks,
    });
    const bank = new Bank({ store, clock, ledger, settings, transactions });
    bank.webhooks = webhooks;
    await chain.open();
    if (options.webhook !== undefined) webhooks.register(options.webhook);
    store.commit();

    const auth = new Auth(store, options.api_key, options.api_secret);
    const api = new PublicApi({ bank, auth, faults, clock, settings, log });
    const control = new ControlApi({
        store,
        clock,
        ledger,
        settings,
        faults,
        chain,
        webhooks,
        transactions,
        bank,
    });
    const api_server = await http_listen(options.port, (request) => api.handle(request), log);
    const control_server = await http_listen(
        options.control_port,
        (request) => control.handle(request),
        log,
    );
    chain.start(transactions);
    clock.start();

    const ready = {
        ready: true,
        port: api_server.port,
        controlPort: control_server.port,
        url: `http://127.0.0.1:${api_server.port}`,
        controlUrl: `http://127.0.0.1:${control_server.port}`,
        depositAddress: chain.address,
        token: chain.token,
        chainId: chain.chain_id,
        clabe: bank.clabes().find((row) => row.type === 'AUTO_PAYMENT').clabe,
        businessName: settings.business_name,
    };
    const stop = async () => {
        clock.stop();
        webhooks.stop();
        await Promise.all([api_server.close(), control_server.close(), chain.stop()]);
        store.close();
    };
    return { ready, stop };
}
