/** The version of the API's documents. */
export const API_VERSION = '0.1.0';
