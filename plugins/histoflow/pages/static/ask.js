// Questions to the pages' own API; an answer that the browser has already is not sent again (ETag).

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
  403: "Your Airflow user may not read this. Ask for the right to read the DAG that makes it.",
};

/** The answer as text, so that the asker sees whether it is another one; throws an Error to show. */
export async function ask(path, query, signal) {
  let answer;
  try {
    answer = await fetch(address(path, query), { credentials: "same-origin", signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("Airflow does not answer. It is asked again.");
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
