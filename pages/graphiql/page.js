// GraphiQL with a field for the token.
// SPDX-License-Identifier: Apache-2.0
"use strict";

const EXAMPLE = `# Press the arrow or Ctrl-Enter to run a query;
# Ctrl-Space completes what you type.
#
# Without a token you are "public". Paste what
#   ./lunette token --user admin
# prints into the field above. With it and the
# sample apps, this shows orders:
#
#   {
#     orders(first: 3) {
#       number
#       partner { name country { name } }
#       lines { qty product { name } }
#     }
#   }
#
# The book on the left explains all types.

query Example {
  __schema {
    queryType {
      fields {
        name
      }
    }
  }
}
`;

const STORED = "lunette.token";
const token = document.getElementById("token");
const release = document.getElementById("release");

// For this tab only: a token in localStorage would outlive the visit.
token.value = sessionStorage.getItem(STORED) ?? "";
token.addEventListener("input", () => {
  sessionStorage.setItem(STORED, token.value.trim());
});
document.getElementById("bar").addEventListener("submit", (event) => {
  event.preventDefault();
});

async function send(body) {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const value = token.value.trim();
  if (value !== "") {
    headers.authorization = `Bearer ${value}`;
  }
  const response = await fetch("/graphql", {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  release.textContent = response.headers.get("lunette-release") ?? "";
  return response.json();
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher: send,
    defaultQuery: EXAMPLE,
    isHeadersEditorEnabled: false,
    shouldPersistHeaders: false,
  }),
);
