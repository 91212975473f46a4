// Which page this is, by its address.

import { replace } from "./elements.js";
import { jobPage } from "./job.js";
import { modelsPage } from "./models.js";
import { reader } from "./reader.js";

const here = new URL(location.href);
const [kind, name] = here.pathname.split("/jobs/")[1]?.split("/").map(decodeURIComponent) ?? [];
const read = here.searchParams.get("read");
const page = kind ? jobPage(kind, name) : read ? reader(read, here.searchParams) : modelsPage(here.searchParams);
replace(document.getElementById("main"), page);
if (here.hash) document.getElementById(here.hash.slice(1))?.scrollIntoView();
