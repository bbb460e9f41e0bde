const firstQuery = `{
  reviews(first: 10) {
    edges {
      node {
        rating
        body
        author { username followerCount }
        product { sku name }
        likeCount
        likedByMe
        comments(first: 3) {
          edges { node { body author { username } } }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`;

ReactDOM.createRoot(document.getElementById("editor")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: location.pathname }),
    defaultQuery: firstQuery,
  }),
);
