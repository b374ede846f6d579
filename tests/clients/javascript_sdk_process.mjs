// The AWS SDK for JavaScript as one process: a call per line of stdin in, its reply or error out.
// Arguments: the folder the SDK is installed in, the endpoint, the Region.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [folder, endpoint, region] = process.argv.slice(2);
const sdk = createRequire(join(folder, "package.json"))("@aws-sdk/client-codestar-connections");
const client = new sdk.CodeStarConnectionsClient({ endpoint, region, maxAttempts: 1 });

async function reply({ operation, paginate, parameters }) {
  if (operation) return withoutMetadata(await client.send(new sdk[`${operation}Command`](parameters)));
  // The paginators take the page size apart from the other members.
  const { MaxResults: pageSize, ...input } = parameters;
  const pages = [];
  for await (const page of sdk[`paginate${paginate}`]({ client, pageSize }, input)) {
    pages.push(withoutMetadata(page));
  }
  return pages;
}

function withoutMetadata({ $metadata, ...members }) {
  if ($metadata.httpStatusCode !== 200) throw new Error(`a reply has status ${$metadata.httpStatusCode}`);
  return members;
}

function refusal(error) {
  if (!(error instanceof sdk.CodeStarConnectionsServiceException)) throw error;
  const exception = Object.keys(sdk).find((name) => sdk[name] === error.constructor);
  return { code: error.name, message: error.message, exception };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { reply: await reply(JSON.parse(line)) };
  } catch (error) {
    answer = { error: refusal(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
