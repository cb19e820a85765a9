import { startApprovals } from "./approvals";
import { startDashboard } from "./dashboard";
import { startVitals } from "./vitals";

const page = document.body.dataset.page ?? "";

startVitals(page);
if (page === "dashboard") startDashboard();
if (page === "approvals") startApprovals();

document.getElementById("print-page")?.addEventListener("click", () => window.print());
