// COUNT connections with three tags each, and of alchemy no more than they need: with AWS.providers()
// it loads every service of AWS, which takes five times as long and three times the memory.
import * as Alchemy from "alchemy";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { CredentialsStoreLive } from "./node_modules/alchemy/lib/Auth/Credentials.js";
import { AwsAuth } from "./node_modules/alchemy/lib/AWS/AuthProvider.js";
import { Connection, ConnectionProvider } from "./node_modules/alchemy/lib/AWS/CodeConnections/Connection.js";
import * as Credentials from "./node_modules/alchemy/lib/AWS/Credentials.js";
import * as Endpoint from "./node_modules/alchemy/lib/AWS/Endpoint.js";
import { Default } from "./node_modules/alchemy/lib/AWS/Environment.js";
import * as Region from "./node_modules/alchemy/lib/AWS/Region.js";
import * as Provider from "./node_modules/alchemy/lib/Provider.js";

class Only extends Provider.ProviderCollection<Only>()("AWS") {}

const providers = Layer.effect(Only, Provider.collection([Connection])).pipe(
  Layer.provide(ConnectionProvider()),
  Layer.provideMerge(Region.fromEnvironment),
  Layer.provideMerge(Credentials.fromEnvironment),
  Layer.provideMerge(Endpoint.of(process.env.AWS_ENDPOINT_URL!)),
  Layer.provideMerge(Default),
  Layer.provideMerge(AwsAuth),
  Layer.provideMerge(CredentialsStoreLive),
  Layer.orDie,
);

const name = (n: number) => `team-${String(n).padStart(6, "0")}`;

export default Alchemy.Stack(
  "bench",
  { providers, state: Alchemy.localState() },
  Effect.gen(function* () {
    for (let n = 0; n < Number(process.env.COUNT); n++) {
      const tags = { team: `team-${n % 40}`, "cost-centre": "0001", stage: "prod" };
      yield* Connection(name(n), { connectionName: name(n), providerType: "GitHub", tags });
    }
    return {};
  }),
);
