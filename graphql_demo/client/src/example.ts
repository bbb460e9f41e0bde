// Follows everybody who reviewed something lately, pages through the feed, and likes its newest review.
//   TOKEN=$(make -s token USER=customer) npm run example http://127.0.0.1:8002
import { Community } from "./client.js";
import { graphql } from "./gql/index.js";

const Reviewers = graphql(`
  query Reviewers {
    reviews(first: 20) { edges { node { author { username } } } }
  }
`);
const Follow = graphql(`
  mutation Follow($username: String!) {
    follow(input: { username: $username }) { profile { id followedByMe } userErrors { field code message } }
  }
`);
const Feed = graphql(`
  query Feed($after: String) {
    feed(first: 5, after: $after) {
      edges { node { id rating body author { username } product { sku name } likeCount likedByMe } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);
const Like = graphql(`
  mutation Like($reviewId: ID!) {
    likeReview(input: { reviewId: $reviewId }) { review { id likeCount likedByMe } userErrors { field code message } }
  }
`);

const community = new Community(process.argv[2] ?? "http://127.0.0.1:8002", process.env.TOKEN);

const reviewers = await community.ask(Reviewers, {});
for (const username of new Set(reviewers.reviews.edges.map((edge) => edge.node.author.username))) {
  const { follow } = await community.ask(Follow, { username });
  for (const error of follow.userErrors) console.log(`${username}: ${error.code}`); // one does not follow oneself
}

let seen = 0;
let newest: string | undefined;
let after: string | null | undefined = null;
do {
  const page: Awaited<ReturnType<typeof ask>> = await ask(after);
  if (!page) break;
  newest ??= page.edges[0]?.node.id;
  seen += page.edges.length;
  after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
} while (after);

const { likeReview } = await community.ask(Like, { reviewId: newest ?? "" });
console.log(JSON.stringify({ seen, likedByMe: likeReview.review?.likedByMe, likeCount: likeReview.review?.likeCount }));

async function ask(after: string | null | undefined) {
  return (await community.ask(Feed, { after })).feed;
}
