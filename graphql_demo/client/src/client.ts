// A typed client: the document says what goes in and what comes out. It sends ids, and no queries.
import type { TypedDocumentString } from "./gql/graphql.js";

export class GraphQLFailure extends Error {
  constructor(readonly errors: { message: string; extensions?: { code?: string; id?: string } }[]) {
    super(errors.map((error) => `${error.extensions?.code}: ${error.message}`).join("; "));
  }
}

export class Community {
  // The token is one of rest_demo's: from its login, or from `make token USER=customer`.
  constructor(private readonly origin: string, private readonly token?: string) {}

  async ask<Result, Variables>(document: TypedDocumentString<Result, Variables>, variables: Variables): Promise<Result> {
    const documentId = (document as { __meta__?: { hash?: string } }).__meta__?.hash;
    const answer = await this.post("/graphql/", { documentId, variables });
    if (answer.errors) throw new GraphQLFailure(answer.errors);
    return answer.data as Result;
  }

  private async post(path: string, body: unknown): Promise<any> {
    const headers: Record<string, string> = { "content-type": "application/json", accept: "application/json" };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    const response = await fetch(this.origin + path, { method: "POST", headers, body: JSON.stringify(body) });
    return response.json();
  }
}
