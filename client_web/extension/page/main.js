import { Devices } from "./devices.js";
import { Hub } from "./hub.js";

// Runs in the site's own world, before any script of the site.
const hub = new Hub(({ on }) => (on ? devices.install() : devices.restore()));
const devices = new Devices(hub);
devices.install();
