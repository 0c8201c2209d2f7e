/** Link-format of a simulated device: the object list of Register and Update, and the answers to Discover. */
import { formatPath, type Path, type ResourceDefinition } from '@cluster/lwm2m';
import type { Attributes, AttributeSet } from './attributes.ts';
import type { DataModel } from './data-model.ts';

/** The payload of Register (OMA LwM2M Core 1.1 §6.2.1): root link with formats, then objects and instances. */
export function objectLinks(model: DataModel, rootPath: string, contentFormats: readonly number[]): string {
  const root = `<${rootPath}>;rt="oma.lwm2m"${contentFormats.length > 0 ? `;ct="${contentFormats.join(' ')}"` : ''}`;
  const prefix = rootPath === '/' ? '' : rootPath;
  const links = model.objects().flatMap(({ id, version }) => {
    const instances = model.instancesOf(id) ?? [];
    const object = version !== undefined || instances.length === 0 ? [`<${prefix}/${id}>${versionOf(version)}`] : [];
    return [...object, ...instances.map((instance) => `<${prefix}/${id}/${instance}>`)];
  });
  return [root, ...links].join(',');
}

/** The answer to Discover (OMA LwM2M Core 1.1 §6.3.2); undefined where the device has no such path. */
export function discover(model: DataModel, attributes: Attributes, path: Path): string | undefined {
  const [object = -1, instance, resource] = path;
  if (path.length > 3 || !model.has(path)) return undefined;
  if (resource !== undefined) return resourceLink(model, path, attributes.inherited(path));
  if (instance !== undefined) return instanceLinks(model, attributes, path).join(',');
  const version = versionOf(model.objects().find((spec) => spec.id === object)?.version);
  const instances = (model.instancesOf(object) ?? []).flatMap((id) => instanceLinks(model, attributes, [object, id]));
  return [`<${formatPath(path)}>${version}${suffix(attributes.own(path))}`, ...instances].join(',');
}

function instanceLinks(model: DataModel, attributes: Attributes, path: Path): string[] {
  const [object = -1, instance = -1] = path;
  const link = (definition: ResourceDefinition): string => {
    const at = [...path, definition.id];
    return resourceLink(model, at, attributes.own(at));
  };
  return [`<${formatPath(path)}>${suffix(attributes.own(path))}`, ...model.resourcesOf(object, instance).map(link)];
}

function resourceLink(model: DataModel, path: Path, attributes: AttributeSet): string {
  const dim = model.resourceInstancesOf(path)?.length;
  return `<${formatPath(path)}>${dim === undefined ? '' : `;dim=${dim}`}${suffix(attributes)}`;
}

function versionOf(version: string | undefined): string {
  return version === undefined ? '' : `;ver=${version}`;
}

function suffix(attributes: AttributeSet): string {
  return Object.entries(attributes).map(([name, value]) => `;${name}=${value}`).join('');
}
