/** The package brings no types of its own. */
declare module 'cluster-key-slot' {
  /** The slot of a key, from 0 to 16,383: CRC16 of its hash tag, else of all of it. */
  export default function slotOf(key: string | Buffer): number;
}
