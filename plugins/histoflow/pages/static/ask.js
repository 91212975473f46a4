// Requests to the pages' own API; an unchanged answer is not sent again (ETag).

const ROOT = new URL("..", import.meta.url);

/** The address of a page or file below /histoflow, with a query if there is one. */
export function address(path, query = {}) {
  const url = new URL(path, ROOT);
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== "" && one !== undefined) url.searchParams.append(name, one);
  }
  return url.href;
}

const REFUSALS = {
  401: "You are logged out of Airflow. Log in and open the page again.",
  403: "Your Airflow user may not read this. Ask for read permission on the DAG that writes it.",
};

/** The answer as text, to be compared with the last one; throws an Error with a message to show. */
export async function ask(path, query, signal) {
  let answer;
  try {
    answer = await fetch(address(path, query), { credentials: "same-origin", signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("Airflow does not answer. Retrying.");
  }
  const text = await answer.text();
  if (answer.ok) return text;
  throw new Error(REFUSALS[answer.status] ?? detail(text) ?? `Airflow answered ${answer.status}.`);
}

function detail(text) {
  try {
    const said = JSON.parse(text).detail;
    return typeof said === "string" ? said : undefined;
  } catch {
    return undefined;
  }
}
