'use strict';
// Finds the binary among the packages that npm installed for this platform.

const { arch, platform, report } = process;
const { name, preinit } = require('./package.json');

/** The packages whose binary runs here, best first. */
function packages() {
  const here = `${platform}-${arch}`;
  const builds = platform !== 'linux' ? [here] : runsGlibc() ? [here, `${here}-musl`] : [`${here}-musl`];
  return builds.map((build) => preinit.packages + build);
}

function runsGlibc() {
  // Without this, a report looks up the host names of all open connections.
  report.excludeNetwork = true;
  return report.getReport().header.glibcVersionRuntime !== undefined;
}

/** The absolute path of the binary. Throws if it is not installed. */
function find() {
  const suffix = platform === 'win32' ? '.exe' : '';
  for (const candidate of packages()) {
    try {
      return require.resolve(`${candidate}/${preinit.binary}${suffix}`);
    } catch {
      // The next one, or the error below.
    }
  }
  throw new Error(
    `${name} has no binary for ${platform} ${arch}: ${packages().join(' or ')} is not installed. ` +
      'If npm left out optional dependencies (--omit=optional, --no-optional), or node_modules comes from another ' +
      'platform, install again.',
  );
}

module.exports = find();
