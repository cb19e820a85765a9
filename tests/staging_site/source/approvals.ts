import { element, words } from "./page";

async function decide(button: HTMLButtonElement, text: Record<string, string>): Promise<void> {
  const row = button.closest("tr") as HTMLTableRowElement;
  const status = document.getElementById("approvals-status") as HTMLElement;
  const cell = button.parentElement as HTMLElement;
  const buttons = [...cell.querySelectorAll("button")];
  buttons.forEach((one) => (one.disabled = true));
  const answer = await fetch(`/api/approvals/${row.dataset.request}/${button.dataset.action}`, { method: "POST" });
  if (!answer.ok) {
    buttons.forEach((one) => (one.disabled = false));
    status.textContent = text.decisionFailed;
    status.className = "live-line bad";
    return;
  }
  const { state } = (await answer.json()) as { state: string };
  row.dataset.state = state;
  row.querySelector(".badge")?.replaceWith(element("span", `badge ${state}`, text[state]));
  cell.textContent = "–";
  status.textContent = `${row.querySelector(".title")?.textContent}: ${text[state]}`;
  status.className = "live-line";
}

/** Send a decision when its button is pressed, and tell how it went. */
export function startApprovals(): void {
  const text = words();
  document.getElementById("requests")?.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button[data-action]");
    if (button) void decide(button, text);
  });
}
