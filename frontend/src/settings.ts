// Where a setting belongs, from its id alone.
import { type Catalog, getCatalog, getSettings, type Setting } from "./api/client";
import type { Protocol } from "./methods";

interface Found {
  catalog: Catalog;
  /** The protocol that it belongs to, as boards never mix them. */
  protocol: Protocol;
  setting: Setting;
}

/** A setting that has results, with its protocol. */
export async function findSetting(id: string): Promise<Found> {
  const catalog = await getCatalog();
  for (const protocol of catalog.protocols) {
    const { items } = await getSettings(protocol.id);
    const setting = items.find((each) => each.id === id);
    if (setting) return { catalog, protocol, setting };
  }
  throw new Error(`no setting that has results is called ${id}.`);
}
