// The files of a drop, those in dropped folders too.

const HIDDEN = /^\./;

export async function filesOf(transfer) {
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...(transfer?.files ?? [])];
  const found = await Promise.all(entries.map(within));
  return found.flat().filter((file) => !HIDDEN.test(file.name));
}

async function within(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => { entry.file(resolve, reject); })];
  const found = await Promise.all((await listed(entry.createReader())).map(within));
  return found.flat();
}

/** A reader gives so many at a time, and none at the end. */
async function listed(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return all;
    all.push(...some);
  }
}
