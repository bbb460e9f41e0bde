// The GraphQL-over-HTTP audits of npm's graphql-http against a running service: node run.mjs http://127.0.0.1:8002/graphql/
import { auditServer } from "graphql-http";

const results = await auditServer({ url: process.argv[2], fetchFn: fetch });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
