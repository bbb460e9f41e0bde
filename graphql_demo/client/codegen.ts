import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../schema.graphql",
  documents: ["src/*.ts"],
  ignoreNoDocuments: true,
  emitLegacyCommonJSImports: false, // imports with .js, as Node wants them
  generates: {
    "src/gql/": {
      preset: "client",
      // the ids of the documents, and the list of them: trusted_documents.json of the service
      presetConfig: {
        fragmentMasking: false,
        persistedDocuments: { mode: "embedHashInDocument", hashAlgorithm: "sha256" },
      },
      config: { documentMode: "string", enumsAsTypes: true, useTypeImports: true, scalars: { DateTime: "string", Decimal: "string" } },
    },
  },
};

export default config;
