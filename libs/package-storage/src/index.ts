/** Where the bytes of firmware packages lie. */
export { CachedReader, type CacheOptions } from './cached-reader.ts';
export { openPackageStorage, sharesPackages } from './open.ts';
export { DirectoryStorage } from './directory.ts';
